package dev.gambit.app;

/** Numbers as text, the same in every locale, and without the tens of milliseconds that a first {@code String.format} takes. */
final class Numbers {

    private Numbers() {}

    /** Returns a number with a fixed count of decimals, as {@code %.2f} does for 2; {@code inf} and {@code nan} as C's. */
    static String fixed(double value, int decimals) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        long unit = 1;
        for (int i = 0; i < decimals; i++) {
            unit *= 10;
        }
        long scaled = Math.round(Math.abs(value) * unit);
        StringBuilder text = new StringBuilder(24);
        if (value < 0 && scaled != 0) {
            text.append('-');
        }
        text.append(scaled / unit);
        if (decimals > 0) {
            String fraction = Long.toString(scaled % unit);
            text.append('.').repeat('0', decimals - fraction.length()).append(fraction);
        }
        return text.toString();
    }

    /** Returns a number with a fixed count of decimals, right-aligned, as {@code %10.2f}. */
    static String fixed(double value, int width, int decimals) {
        return right(fixed(value, decimals), width);
    }

    /** Returns a text with blanks before it. */
    static String right(String text, int width) {
        return " ".repeat(Math.max(0, width - text.length())) + text;
    }

    /** Returns a text with blanks behind it. */
    static String left(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }

    /** Returns a fraction as {@code 49.8 %}. */
    static String percent(double fraction) {
        return fixed(100 * fraction, 1) + " %";
    }

    /** Returns a size as llama-bench writes it. */
    static String bytes(long bytes) {
        return bytes < 1L << 30 ? fixed(bytes / 0x1p20, 2) + " MiB" : fixed(bytes / 0x1p30, 2) + " GiB";
    }

    /** Returns a count of parameters as llama-bench writes it. */
    static String parameters(long count) {
        return count < 1_000_000_000 ? fixed(count / 1e6, 2) + " M" : fixed(count / 1e9, 2) + " B";
    }
}
