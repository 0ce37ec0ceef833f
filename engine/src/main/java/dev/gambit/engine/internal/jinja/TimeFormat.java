package dev.gambit.engine.internal.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** C's {@code strftime} in the C locale, for the conversions that make sense of a date and time of day. */
final class TimeFormat {

    private TimeFormat() {}

    static String format(RenderState state, LocalDateTime time, String pattern) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%' || i + 1 == pattern.length()) {
                out.append(c);
                continue;
            }
            char conversion = pattern.charAt(++i);
            boolean unpadded = conversion == '-' && i + 1 < pattern.length();
            if (unpadded) {
                conversion = pattern.charAt(++i);
            }
            String java = switch (conversion) {
                case 'd' -> "dd";
                case 'e' -> unpadded ? "d" : "ppd";
                case 'm' -> "MM";
                case 'Y' -> "yyyy";
                case 'y' -> "yy";
                case 'B' -> "MMMM";
                case 'b', 'h' -> "MMM";
                case 'A' -> "EEEE";
                case 'a' -> "EEE";
                case 'H' -> "HH";
                case 'I' -> "hh";
                case 'M' -> "mm";
                case 'S' -> "ss";
                case 'f' -> "SSSSSS";
                case 'j' -> "DDD";
                case 'p' -> "a";
                case 'F' -> "yyyy-MM-dd";
                case 'T' -> "HH:mm:ss";
                case 'R' -> "HH:mm";
                case 'D', 'x' -> "MM/dd/yy";
                case 'X' -> "HH:mm:ss";
                case 'c' -> "EEE MMM ppd HH:mm:ss yyyy";
                case '%' -> "'%'";
                case 'n' -> "'\n'";
                case 't' -> "'\t'";
                // a time without a zone has nothing to print for these, as in Python
                case 'Z', 'z' -> "";
                case 'u' -> "'" + time.getDayOfWeek().getValue() + "'";
                case 'w' -> "'" + time.getDayOfWeek().getValue() % 7 + "'";
                default -> throw state.error("a known conversion in 'strftime_now'", "'%" + conversion + "'");
            };
            String text = java.isEmpty() ? "" : time.format(DateTimeFormatter.ofPattern(java, Locale.ENGLISH));
            state.append(out, unpadded && text.length() > 1 ? text.replaceFirst("^[0 ]+(?=.)", "") : text);
        }
        return out.toString();
    }
}
