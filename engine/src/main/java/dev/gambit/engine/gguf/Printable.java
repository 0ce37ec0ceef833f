package dev.gambit.engine.gguf;

/** Makes a string from a file fit for a one-line message: no control characters, not endless. */
final class Printable {

    private static final int MAX_LENGTH = 100;

    private Printable() {}

    /** Returns {@code text} with what a terminal would act on replaced by {@code ?}, cut after 100 characters. */
    static String of(String text) {
        StringBuilder line = new StringBuilder(Math.min(text.length(), MAX_LENGTH) + 1);
        int i = 0;
        while (i < text.length() && line.length() < MAX_LENGTH) {
            int c = text.codePointAt(i);
            line.appendCodePoint(isHarmless(c) ? c : '?');
            i += Character.charCount(c);
        }
        return i < text.length() ? line.append('…').toString() : line.toString();
    }

    private static boolean isHarmless(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
