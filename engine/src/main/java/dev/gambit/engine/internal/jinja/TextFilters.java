package dev.gambit.engine.internal.jinja;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Filters that make text from text; other values are printed first, as Jinja2 does. */
final class TextFilters {

    private TextFilters() {}

    static void register(Map<String, Filters.Filter> all) {
        all.put("string", (state, value, arguments) -> plain(state, value, arguments));
        all.put("safe", (state, value, arguments) -> plain(state, value, arguments));
        all.put("lower", (state, value, arguments) -> plain(state, value, arguments).toLowerCase(Locale.ROOT));
        all.put("upper", (state, value, arguments) -> plain(state, value, arguments).toUpperCase(Locale.ROOT));
        all.put("capitalize", (state, value, arguments) -> TextMethods.capitalize(plain(state, value, arguments)));
        all.put("title", (state, value, arguments) -> title(plain(state, value, arguments)));
        all.put("escape", (state, value, arguments) -> escape(plain(state, value, arguments)));
        all.put("e", all.get("escape"));
        all.put("forceescape", all.get("escape"));
        all.put("urlencode", (state, value, arguments) -> urlEncode(plain(state, value, arguments)));
        all.put("wordcount", (state, value, arguments) -> wordCount(plain(state, value, arguments)));
        all.put("trim", (state, value, arguments) -> TextMethods.strip(state, PyText.str(state, value),
                arguments.bind(state, 0, "chars").textOrNone(0), true, true));
        all.put("center", (state, value, arguments) -> Methods.call(state, PyText.str(state, value), "center",
                CallArguments.of("center", (long) arguments.bind(state, 0, "width").integer(0, 80))));
        all.put("replace", TextFilters::replace);
        all.put("indent", TextFilters::indent);
        all.put("truncate", TextFilters::truncate);
        all.put("format", TextFilters::format);
    }

    private static String plain(RenderState state, Object value, CallArguments arguments) {
        arguments.bind(state, 0);
        return PyText.str(state, value);
    }

    /** For the two filters that do not print their value first. */
    private static String text(RenderState state, Object value, String filter) {
        if (value instanceof String s) {
            return s;
        }
        if (value instanceof Undefined && filter.equals("truncate")) {
            return "";
        }
        throw state.error("text for '" + filter + "'", PyText.typeName(value));
    }

    private static Object replace(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 2, "old", "new", "count");
        int count = bound.get(2, null) == null ? -1 : bound.integer(2, -1);
        return TextMethods.replace(state, PyText.str(state, value), PyText.str(state, bound.get(0, "")),
                PyText.str(state, bound.get(1, "")), count);
    }

    private static Object format(RenderState state, Object value, CallArguments arguments) {
        return PercentFormat.format(state, PyText.str(state, value), arguments.positional());
    }

    /** Each word's first letter in upper case; words begin after blanks, hyphens and opening brackets. */
    private static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            String letter = Character.toString(c);
            boolean between = c <= 0xffff && PyText.isSpace((char) c) || "-({[<".indexOf(c) >= 0;
            out.append(first && !between ? letter.toUpperCase(Locale.ROOT) : letter.toLowerCase(Locale.ROOT));
            first = between;
        }
        return out.toString();
    }

    private static Long wordCount(String s) {
        long words = 0;
        boolean inside = false;
        for (int i = 0; i < s.length(); i += Character.charCount(s.codePointAt(i))) {
            boolean letter = s.codePointAt(i) == '_' || Character.isLetterOrDigit(s.codePointAt(i));
            words += letter && !inside ? 1 : 0;
            inside = letter;
        }
        return words;
    }

    private static String escape(String s) {
        return s.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;").replace("'", "&#39;")
                .replace("\"", "&#34;");
    }

    private static String urlEncode(String s) {
        StringBuilder out = new StringBuilder();
        for (byte b : s.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            if (c < 0x80 && (Character.isLetterOrDigit(c) || "_.-~/".indexOf(c) >= 0)) {
                out.append(c);
            } else {
                out.append(String.format("%%%02X", (int) c));
            }
        }
        return out.toString();
    }

    private static Object indent(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "width", "first", "blank");
        String blanks = bound.get(0, null) instanceof String text ? text
                : " ".repeat(Math.max(0, Math.min(1000, bound.integer(0, 4))));
        // Jinja2 adds a newline before it splits, so that a trailing newline gives a last, empty line
        List<Object> lines = TextSplit.lines(state, text(state, value, "indent") + "\n", false);
        List<Object> result = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String text = (String) lines.get(i);
            boolean indented = i == 0 ? bound.truth(1, false) : bound.truth(2, false) || !text.isEmpty();
            result.add(indented ? blanks + text : text);
        }
        return TextMethods.join(state, "\n", result.iterator(), true);
    }

    private static Object truncate(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "length", "killwords", "end", "leeway");
        String s = text(state, value, "truncate");
        int length = bound.integer(0, 255);
        String end = bound.text(2, "...");
        int leeway = bound.get(3, null) == null ? 5 : bound.integer(3, 5);
        int[] points = s.codePoints().toArray();
        int kept = length - end.codePointCount(0, end.length());
        if (kept < 0 || leeway < 0) {
            throw state.error("a 'length' of 'truncate' that the end fits into", length);
        }
        if (points.length <= (long) length + leeway) {
            return s;
        }
        String head = new String(points, 0, kept);
        if (!bound.truth(1, false) && head.lastIndexOf(' ') >= 0) {
            head = head.substring(0, head.lastIndexOf(' '));
        }
        return head + end;
    }
}
