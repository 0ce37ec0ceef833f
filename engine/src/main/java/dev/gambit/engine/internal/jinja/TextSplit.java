package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The methods of Python's {@code str} that cut text into pieces. */
final class TextSplit {

    private TextSplit() {}

    static List<Object> split(RenderState state, String s, CallArguments arguments, boolean fromRight) {
        CallArguments.Bound bound = arguments.bind(state, 0, "sep", "maxsplit");
        String separator = bound.textOrNone(0);
        int max = bound.integer(1, -1);
        int left = max < 0 ? Integer.MAX_VALUE : max;
        if (separator == null) {
            return fromRight ? rightBlanks(s, left) : blanks(s, left);
        }
        if (separator.isEmpty()) {
            throw state.error("a separator that is not empty", "''");
        }
        state.chargeSearch(s.length(), separator.length());
        List<Object> parts = new ArrayList<>();
        if (fromRight) {
            int to = s.length();
            for (int at = lastBefore(s, separator, to); at >= 0 && left > 0; at = lastBefore(s, separator, to)) {
                parts.add(s.substring(at + separator.length(), to));
                to = at;
                left--;
            }
            parts.add(s.substring(0, to));
            Collections.reverse(parts);
            return parts;
        }
        int from = 0;
        for (int at = s.indexOf(separator); at >= 0 && left > 0; at = s.indexOf(separator, from)) {
            parts.add(s.substring(from, at));
            from = at + separator.length();
            left--;
        }
        parts.add(s.substring(from));
        return parts;
    }

    private static int lastBefore(String s, String separator, int to) {
        return to < separator.length() ? -1 : s.lastIndexOf(separator, to - separator.length());
    }

    private static List<Object> blanks(String s, int max) {
        List<Object> parts = new ArrayList<>();
        int left = max;
        int i = 0;
        while (true) {
            while (i < s.length() && PyText.isSpace(s.charAt(i))) {
                i++;
            }
            if (i == s.length()) {
                return parts;
            }
            int from = i;
            if (left-- == 0) {
                // str.split keeps blanks at the end of what it did not split
                parts.add(s.substring(from));
                return parts;
            }
            while (i < s.length() && !PyText.isSpace(s.charAt(i))) {
                i++;
            }
            parts.add(s.substring(from, i));
        }
    }

    private static List<Object> rightBlanks(String s, int max) {
        String reversed = new StringBuilder(s).reverse().toString();
        List<Object> parts = new ArrayList<>();
        for (Object part : blanks(reversed, max)) {
            parts.add(new StringBuilder((String) part).reverse().toString());
        }
        Collections.reverse(parts);
        return parts;
    }

    static Tuple partition(RenderState state, String s, CallArguments arguments, boolean fromRight) {
        String separator = arguments.bind(state, 1, "sep").text(0, null);
        if (separator.isEmpty()) {
            throw state.error("a separator that is not empty", "''");
        }
        state.chargeSearch(s.length(), separator.length());
        int at = fromRight ? s.lastIndexOf(separator) : s.indexOf(separator);
        if (at < 0) {
            return fromRight ? new Tuple("", "", s) : new Tuple(s, "", "");
        }
        return new Tuple(s.substring(0, at), separator, s.substring(at + separator.length()));
    }

    static List<Object> lines(RenderState state, String s, boolean keepEnds) {
        state.charge(s.length());
        List<Object> lines = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
                int next = c == '\r' && i + 1 < s.length() && s.charAt(i + 1) == '\n' ? i + 2 : i + 1;
                lines.add(s.substring(from, keepEnds ? next : i));
                from = next;
                i = next - 1;
            }
        }
        if (from < s.length()) {
            lines.add(s.substring(from));
        }
        return lines;
    }
}
