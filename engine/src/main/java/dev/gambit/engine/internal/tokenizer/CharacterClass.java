package dev.gambit.engine.internal.tokenizer;

/**
 * The classes of characters that pre-tokenizers know. They come from the running Java's Unicode tables, so a letter
 * newer than those counts as {@link #OTHER}.
 */
final class CharacterClass {

    /** {@code \p{L}}. */
    static final int LETTER = 1;
    /** {@code \p{N}}. */
    static final int NUMBER = 2;
    /** {@code \s}: Unicode's White_Space, all in the basic multilingual plane. */
    static final int SPACE = 3;
    /** Everything else. */
    static final int OTHER = 4;

    private static final byte[] ASCII = new byte[128];

    static {
        for (int c = 0; c < ASCII.length; c++) {
            ASCII[c] = (byte) classify(c);
        }
    }

    private CharacterClass() {}

    /** Returns the class of a code point. */
    static int of(int codePoint) {
        return codePoint < 128 ? ASCII[codePoint] : classify(codePoint);
    }

    /** Returns the class of the code point at {@code at}. */
    static int at(String text, int at) {
        char c = text.charAt(at);
        return c < 128 ? ASCII[c] : classify(text.codePointAt(at));
    }

    /** Returns the end of the run of characters of a class that starts at {@code at}; {@code at} if there is none. */
    static int runEnd(String text, int at, int to, int characterClass) {
        int end = at;
        while (end < to) {
            int codePoint = text.codePointAt(end);
            if (of(codePoint) != characterClass) {
                break;
            }
            end += Character.charCount(codePoint);
        }
        return end;
    }

    /** Returns whether the code point is in {@code \p{P}} or one of {@code $+<=>^~|}. */
    static boolean isPunctuation(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONNECTOR_PUNCTUATION,
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION -> true;
            default -> codePoint < 128 && "$+<=>^~|".indexOf(codePoint) >= 0;
        };
    }

    private static int classify(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER,
                    Character.LOWERCASE_LETTER,
                    Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER -> LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> SPACE;
            default -> codePoint >= '\t' && codePoint <= '\r' || codePoint == 0x85 ? SPACE : OTHER;
        };
    }
}
