package dev.gambit.engine.internal.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/** Python's {@code '%s of %d' % values}, for the conversions s, r, d, i, x, X and f, and {@code %%}. */
final class PercentFormat {

    private static final int MAX_WIDTH = 1000;

    private PercentFormat() {}

    static String format(RenderState state, String pattern, List<?> values) {
        StringBuilder out = new StringBuilder();
        int next = 0;
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%') {
                out.append(c);
                continue;
            }
            int flags = i + 1;
            while (flags < pattern.length() && "-+ 0#".indexOf(pattern.charAt(flags)) >= 0) {
                flags++;
            }
            int width = digitsEnd(pattern, flags);
            int precision = width;
            if (width < pattern.length() && pattern.charAt(width) == '.') {
                precision = digitsEnd(pattern, width + 1);
            }
            if (precision >= pattern.length()) {
                throw state.error("a conversion after '%'", "the end of the text");
            }
            char conversion = pattern.charAt(precision);
            if (conversion == '%') {
                out.append('%');
            } else {
                if (next >= values.size()) {
                    throw state.error("a value for each '%'", values.size());
                }
                String text = convert(state, conversion, values.get(next++),
                        precision > width ? limit(state, pattern.substring(width + 1, precision)) : -1);
                state.append(out, pad(text, pattern.substring(i + 1, flags), conversion,
                        limit(state, pattern.substring(flags, width))));
            }
            i = precision;
        }
        if (next < values.size() && !(values.size() == 1 && isSubscriptable(values.get(0)))) {
            throw state.error("as many '%' as values", next + " for " + values.size());
        }
        return out.toString();
    }

    /** What Python takes for a mapping to look names up in, and therefore does not miss when no '%' uses it. */
    private static boolean isSubscriptable(Object value) {
        return value instanceof java.util.Map<?, ?> || value instanceof Undefined
                || value instanceof List<?> && !(value instanceof Tuple);
    }

    private static int digitsEnd(String pattern, int from) {
        int i = from;
        while (i < pattern.length() && pattern.charAt(i) >= '0' && pattern.charAt(i) <= '9') {
            i++;
        }
        return i;
    }

    private static int limit(RenderState state, String digits) {
        if (digits.length() > 4 || !digits.isEmpty() && Integer.parseInt(digits) > MAX_WIDTH) {
            throw state.error("a width of at most " + MAX_WIDTH, digits);
        }
        return digits.isEmpty() ? 0 : Integer.parseInt(digits);
    }

    private static String convert(RenderState state, char conversion, Object value, int precision) {
        switch (conversion) {
            case 's' -> {
                String text = PyText.str(state, value);
                return precision >= 0 && precision < text.length() ? text.substring(0, precision) : text;
            }
            case 'r' -> {
                StringBuilder text = new StringBuilder();
                PyText.repr(state, value, text);
                return text.toString();
            }
            case 'd', 'i', 'x', 'X' -> {
                if (Operators.isNumber(value)) {
                    long n = value instanceof Double d ? d.longValue() : Operators.asInteger(value);
                    return switch (conversion) {
                        case 'x' -> Long.toString(n, 16);
                        case 'X' -> Long.toString(n, 16).toUpperCase(java.util.Locale.ROOT);
                        default -> Long.toString(n);
                    };
                }
            }
            case 'f' -> {
                if (Operators.isNumber(value) && Double.isFinite(Operators.asDouble(value))) {
                    return new BigDecimal(Operators.asDouble(value))
                            .setScale(precision < 0 ? 6 : precision, RoundingMode.HALF_EVEN).toPlainString();
                }
            }
            default -> throw state.error("one of the conversions %s %r %d %x %f", "'%" + conversion + "'");
        }
        throw state.error("a number for '%" + conversion + "'", PyText.typeName(value));
    }

    private static String pad(String text, String flags, char conversion, int width) {
        boolean number = conversion != 's' && conversion != 'r';
        String signed = text;
        if (number && !text.startsWith("-")) {
            signed = flags.contains("+") ? "+" + text : flags.contains(" ") ? " " + text : text;
        }
        int missing = width - signed.codePointCount(0, signed.length());
        if (missing <= 0) {
            return signed;
        }
        if (flags.contains("-")) {
            return signed + " ".repeat(missing);
        }
        if (number && flags.contains("0")) {
            int sign = signed.isEmpty() || Character.isDigit(signed.charAt(0)) ? 0 : 1;
            return signed.substring(0, sign) + "0".repeat(missing) + signed.substring(sign);
        }
        return " ".repeat(missing) + signed;
    }
}
