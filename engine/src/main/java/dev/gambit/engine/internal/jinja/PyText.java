package dev.gambit.engine.internal.jinja;

import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** How Python writes values as text: {@code str()} and {@code repr()}. */
final class PyText {

    private PyText() {}

    /** Python's notion of white space ({@code str.isspace}), for characters of the basic plane. */
    static boolean isSpace(char c) {
        return c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0
                || c > 0xa0 && Character.isSpaceChar(c);
    }

    /** {@code str(value)}; a missing value is nothing. */
    static String str(RenderState state, Object value) {
        if (value instanceof String s) {
            return s;
        }
        if (value instanceof Undefined) {
            return "";
        }
        StringBuilder out = new StringBuilder();
        repr(state, value, out);
        return out.toString();
    }

    static void repr(RenderState state, Object value, StringBuilder out) {
        state.enter();
        switch (value) {
            case null -> out.append("None");
            case Undefined u -> out.append("Undefined");
            case Boolean b -> out.append(b ? "True" : "False");
            case Long n -> out.append(n);
            case Double d -> out.append(number(d));
            case String s -> quote(state, s, out);
            case Tuple tuple -> {
                items(state, tuple, out.append('('));
                out.append(tuple.size() == 1 ? ",)" : ")");
            }
            case List<?> list -> {
                items(state, list, out.append('['));
                out.append(']');
            }
            case Map<?, ?> map -> {
                out.append('{');
                Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
                while (entries.hasNext()) {
                    Map.Entry<?, ?> entry = entries.next();
                    repr(state, entry.getKey(), out);
                    out.append(": ");
                    repr(state, entry.getValue(), out);
                    if (entries.hasNext()) {
                        out.append(", ");
                    }
                }
                out.append('}');
            }
            default -> throw state.error("a value that can be printed", typeName(value));
        }
        state.leave();
    }

    private static void items(RenderState state, List<?> items, StringBuilder out) {
        Iterator<?> iterator = items.iterator();
        while (iterator.hasNext()) {
            repr(state, iterator.next(), out);
            if (iterator.hasNext()) {
                out.append(", ");
            }
        }
    }

    private static void quote(RenderState state, String s, StringBuilder out) {
        state.charge(s.length());
        char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        out.append(c <= 0xff ? String.format("\\x%02x", c)
                                : c <= 0xffff ? String.format("\\u%04x", c) : String.format("\\U%08x", c));
                    }
                }
            }
        }
        out.append(quote);
    }

    private static boolean isPrintable(int c) {
        return c == ' ' || switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** The shortest digits that give the number back, laid out as Python does: an exponent below 1e-4 and from 1e16. */
    static String number(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        if (d == 0) {
            return 1 / d < 0 ? "-0.0" : "0.0";
        }
        BigDecimal exact = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        int exponent = exact.precision() - exact.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = exact.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = exact.unscaledValue().abs().toString();
        return (d < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "")
                + "e" + (exponent < 0 ? '-' : '+') + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    /** The name of a value's type, for messages. */
    static String typeName(Object value) {
        return switch (value) {
            case null -> "none";
            case Undefined u -> u.reason();
            case Boolean b -> "a boolean";
            case Long n -> "an integer";
            case Double d -> "a float";
            case String s -> "text";
            case Tuple t -> "a tuple";
            case List<?> l -> "a list";
            case Map<?, ?> m -> "a mapping";
            case LazySequence s -> "a generator";
            case Namespace n -> "a namespace";
            case Loop l -> "the loop";
            default -> "a function";
        };
    }
}
