package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;

/** The methods of Python's {@code str} that templates use. */
final class TextMethods {

    static final Set<String> NAMES = Set.of("strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith",
            "endswith", "upper", "lower", "title", "capitalize", "swapcase", "replace", "find", "rfind", "index",
            "rindex", "count", "join", "format", "isdigit", "isnumeric", "isdecimal", "isalpha", "isalnum", "isspace",
            "isupper", "islower", "zfill", "ljust", "rjust", "center", "removeprefix", "removesuffix", "partition",
            "rpartition");

    private TextMethods() {}

    static Object call(RenderState state, String s, String name, CallArguments arguments) {
        state.charge(s.length());
        return switch (name) {
            case "strip" -> strip(state, s, arguments, true, true);
            case "lstrip" -> strip(state, s, arguments, true, false);
            case "rstrip" -> strip(state, s, arguments, false, true);
            case "split", "rsplit" -> TextSplit.split(state, s, arguments, name.equals("rsplit"));
            case "partition", "rpartition" -> TextSplit.partition(state, s, arguments, name.equals("rpartition"));
            case "splitlines" -> TextSplit.lines(state, s, arguments.bind(state, 0, "keepends").truth(0, false));
            case "startswith", "endswith" -> hasAffix(state, s, arguments, name.equals("startswith"));
            case "removeprefix" -> {
                String prefix = arguments.bind(state, 1, "prefix").text(0, null);
                yield s.startsWith(prefix) ? s.substring(prefix.length()) : s;
            }
            case "removesuffix" -> {
                String suffix = arguments.bind(state, 1, "suffix").text(0, null);
                yield s.endsWith(suffix) ? s.substring(0, s.length() - suffix.length()) : s;
            }
            case "find", "rfind", "index", "rindex", "count" -> search(state, s, name, arguments);
            case "replace" -> {
                CallArguments.Bound bound = arguments.bind(state, 2, "old", "new", "count");
                yield replace(state, s, bound.text(0, null), bound.text(1, null), bound.integer(2, -1));
            }
            case "join" -> join(state, s, Operators.iterate(state, arguments.bind(state, 1, "items").get(0, null)),
                    false);
            case "format" -> braceFormat(state, s, arguments);
            case "zfill", "ljust", "rjust", "center" -> pad(state, s, name, arguments);
            default -> {
                arguments.bind(state, 0);
                yield noArguments(s, name);
            }
        };
    }

    private static Object noArguments(String s, String name) {
        return switch (name) {
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower" -> s.toLowerCase(Locale.ROOT);
            case "capitalize" -> capitalize(s);
            case "title" -> title(s);
            case "swapcase" -> {
                StringBuilder out = new StringBuilder();
                s.codePoints().forEach(c -> out.appendCodePoint(
                        Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c)));
                yield out.toString();
            }
            case "isdigit", "isdecimal", "isnumeric" -> all(s, Character::isDigit);
            case "isalpha" -> all(s, Character::isLetter);
            case "isalnum" -> all(s, Character::isLetterOrDigit);
            case "isspace" -> all(s, c -> c <= 0xffff && PyText.isSpace((char) c));
            case "isupper" -> isCased(s) && s.codePoints().noneMatch(Character::isLowerCase);
            case "islower" -> isCased(s) && s.codePoints().noneMatch(Character::isUpperCase);
            default -> throw new IllegalStateException(name);
        };
    }

    private static boolean all(String s, IntPredicate predicate) {
        return !s.isEmpty() && s.codePoints().allMatch(predicate);
    }

    private static boolean isCased(String s) {
        return s.codePoints().anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    }

    static String capitalize(String s) {
        if (s.isEmpty()) {
            return s;
        }
        int first = s.offsetByCodePoints(0, 1);
        return s.substring(0, first).toUpperCase(Locale.ROOT) + s.substring(first).toLowerCase(Locale.ROOT);
    }

    private static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            out.appendCodePoint(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inside = Character.isLetter(c);
        }
        return out.toString();
    }

    private static String strip(RenderState state, String s, CallArguments arguments, boolean left, boolean right) {
        return strip(state, s, arguments.bind(state, 0, "chars").textOrNone(0), left, right);
    }

    /** @param characters the characters to strip, null for white space */
    static String strip(RenderState state, String s, String characters, boolean left, boolean right) {
        int from = 0;
        int to = s.length();
        while (left && from < to && strips(state, characters, s.codePointAt(from))) {
            from += Character.charCount(s.codePointAt(from));
        }
        while (right && from < to && strips(state, characters, s.codePointBefore(to))) {
            to -= Character.charCount(s.codePointBefore(to));
        }
        return s.substring(from, to);
    }

    private static boolean strips(RenderState state, String characters, int c) {
        if (characters == null) {
            return c <= 0xffff && PyText.isSpace((char) c);
        }
        state.charge(characters.length());
        return characters.indexOf(c) >= 0;
    }

    private static boolean hasAffix(RenderState state, String s, CallArguments arguments, boolean prefix) {
        Object wanted = arguments.bind(state, 1, "affix").get(0, null);
        List<?> candidates = wanted instanceof Tuple tuple ? tuple : java.util.Collections.singletonList(wanted);
        for (Object candidate : candidates) {
            if (!(candidate instanceof String affix)) {
                throw state.error("text as argument of '" + arguments.name() + "'", PyText.typeName(candidate));
            }
            state.charge(affix.length());
            if (prefix ? s.startsWith(affix) : s.endsWith(affix)) {
                return true;
            }
        }
        return false;
    }

    private static Object search(RenderState state, String s, String name, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 1, "sub", "start", "end");
        String wanted = bound.text(0, null);
        state.chargeSearch(s.length(), wanted.length());
        int length = s.codePointCount(0, s.length());
        int start = place(bound.integer(1, 0), length);
        int end = place(bound.integer(2, length), length);
        String part = start > end ? "" : s.substring(s.offsetByCodePoints(0, start), s.offsetByCodePoints(0, end));
        if (name.equals("count")) {
            if (wanted.isEmpty()) {
                return start > end ? 0L : end - start + 1L;
            }
            long count = 0;
            for (int i = part.indexOf(wanted); i >= 0; i = part.indexOf(wanted, i + wanted.length())) {
                count++;
            }
            return count;
        }
        int at = start > end ? -1 : name.startsWith("r") ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        if (at < 0 && name.endsWith("index")) {
            throw state.error("text that contains the argument of '" + name + "'", "text without it");
        }
        return at < 0 ? -1L : start + (long) part.codePointCount(0, at);
    }

    private static int place(int index, int length) {
        return Math.max(0, Math.min(length, index < 0 ? index + length : index));
    }

    /** @param count how many occurrences to replace, negative for all */
    static String replace(RenderState state, String s, String old, String replacement, int count) {
        state.chargeSearch(s.length(), old.length());
        StringBuilder out = new StringBuilder();
        int left = count < 0 ? Integer.MAX_VALUE : count;
        int from = 0;
        while (left > 0) {
            int at = old.isEmpty() ? from : s.indexOf(old, from);
            if (at < 0 || at > s.length()) {
                break;
            }
            out.append(s, from, at);
            state.append(out, replacement);
            from = at + old.length();
            if (old.isEmpty()) {
                // Python puts the replacement before each character and at the end
                if (at == s.length()) {
                    break;
                }
                int next = s.offsetByCodePoints(at, 1);
                out.append(s, at, next);
                from = next;
            }
            left--;
        }
        if (from < s.length()) {
            out.append(s, from, s.length());
        }
        return out.toString();
    }

    /** @param convert whether items that are not text are printed (the filter) or refused (the method) */
    static String join(RenderState state, String separator, Iterator<?> items, boolean convert) {
        StringBuilder out = new StringBuilder();
        boolean first = true;
        while (items.hasNext()) {
            Object item = items.next();
            if (!convert && !(item instanceof String)) {
                throw state.error("texts to join", PyText.typeName(item));
            }
            if (!first) {
                state.append(out, separator);
            }
            first = false;
            state.append(out, PyText.str(state, item));
        }
        return out.toString();
    }

    private static String pad(RenderState state, String s, String name, CallArguments arguments) {
        CallArguments.Bound bound = name.equals("zfill") ? arguments.bind(state, 1, "width")
                : arguments.bind(state, 1, "width", "fillchar");
        int length = s.codePointCount(0, s.length());
        int width = bound.integer(0, 0);
        String fill = name.equals("zfill") ? "0" : bound.values().length > 1 ? bound.text(1, " ") : " ";
        if (fill.codePointCount(0, fill.length()) != 1) {
            throw state.error("one fill character", "'" + fill + "'");
        }
        if (width <= length) {
            return s;
        }
        int missing = width - length;
        if (missing > RenderState.MAX_OUTPUT) {
            throw state.error("a width of at most " + RenderState.MAX_OUTPUT, width);
        }
        state.charge(missing);
        if (name.equals("ljust")) {
            return s + fill.repeat(missing);
        }
        if (name.equals("rjust")) {
            return fill.repeat(missing) + s;
        }
        if (name.equals("center")) {
            int left = missing / 2 + (missing & width & 1);
            return fill.repeat(left) + s + fill.repeat(missing - left);
        }
        boolean signed = s.startsWith("-") || s.startsWith("+");
        return (signed ? s.substring(0, 1) : "") + "0".repeat(missing) + (signed ? s.substring(1) : s);
    }

    /** {@code '{} of {1} {name}'.format(...)}, without conversions, attributes and format specifications. */
    private static String braceFormat(RenderState state, String s, CallArguments arguments) {
        StringBuilder out = new StringBuilder();
        int automatic = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if ((c == '{' || c == '}') && i + 1 < s.length() && s.charAt(i + 1) == c) {
                out.append(c);
                i++;
            } else if (c == '{') {
                int end = s.indexOf('}', i);
                String field = end < 0 ? "" : s.substring(i + 1, end);
                if (end < 0 || !field.chars().allMatch(x -> x == '_' || Character.isLetterOrDigit(x))) {
                    throw state.error("plain {} {0} or {name} in 'format'", "'" + s.substring(i) + "'");
                }
                Object value;
                if (field.isEmpty() || Character.isDigit(field.charAt(0))) {
                    int place = field.isEmpty() ? automatic++ : field.length() > 4 ? Integer.MAX_VALUE
                            : Integer.parseInt(field);
                    if (place >= arguments.positional().size()) {
                        throw state.error("a value for each {} of 'format'", arguments.positional().size());
                    }
                    value = arguments.positional().get(place);
                } else if (arguments.keywords().containsKey(field)) {
                    value = arguments.keywords().get(field);
                } else {
                    throw state.error("a value for {" + field + "} of 'format'", "none");
                }
                state.append(out, PyText.str(state, value));
                i = end;
            } else if (c == '}') {
                throw state.error("balanced braces in 'format'", "'}'");
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
