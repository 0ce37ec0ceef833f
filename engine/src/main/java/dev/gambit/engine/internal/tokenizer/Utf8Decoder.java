package dev.gambit.engine.internal.tokenizer;

/**
 * An incremental UTF-8 decoder. A maximal ill-formed part becomes one U+FFFD, as the Unicode Standard recommends
 * (chapter 3, "U+FFFD Substitution of Maximal Subparts") and as Python and web browsers do. Java's own decoders differ
 * on surrogates and keep no state across arrays.
 */
public final class Utf8Decoder {

    private static final char REPLACEMENT = '\uFFFD';

    private int codePoint;
    private int missing;
    private int lowest;
    private int highest;

    /** Decodes some bytes and appends the characters that they complete. */
    public void decode(byte[] bytes, StringBuilder to) {
        decode(bytes, 0, to);
    }

    /** Decodes the bytes from {@code start} on and appends the characters that they complete. */
    void decode(byte[] bytes, int start, StringBuilder to) {
        for (int i = start; i < bytes.length; i++) {
            int value = bytes[i] & 0xFF;
            if (missing > 0) {
                if (value >= lowest && value <= highest) {
                    continueCharacter(value, to);
                    continue;
                }
                missing = 0;
                to.append(REPLACEMENT);
            }
            beginCharacter(value, to);
        }
    }

    /** Ends the input: a character that lacks bytes becomes U+FFFD. */
    public void flush(StringBuilder to) {
        if (missing > 0) {
            missing = 0;
            to.append(REPLACEMENT);
        }
    }

    private void beginCharacter(int value, StringBuilder to) {
        if (value < 0x80) {
            to.append((char) value);
        } else if (value >= 0xC2 && value <= 0xDF) {
            expect(1, value & 0x1F, 0x80, 0xBF);
        } else if (value >= 0xE0 && value <= 0xEF) {
            // The bounds exclude overlong forms and surrogates, and below, code points beyond U+10FFFF.
            expect(2, value & 0x0F, value == 0xE0 ? 0xA0 : 0x80, value == 0xED ? 0x9F : 0xBF);
        } else if (value >= 0xF0 && value <= 0xF4) {
            expect(3, value & 0x07, value == 0xF0 ? 0x90 : 0x80, value == 0xF4 ? 0x8F : 0xBF);
        } else {
            to.append(REPLACEMENT);
        }
    }

    private void expect(int bytes, int bits, int low, int high) {
        missing = bytes;
        codePoint = bits;
        lowest = low;
        highest = high;
    }

    private void continueCharacter(int value, StringBuilder to) {
        codePoint = codePoint << 6 | value & 0x3F;
        lowest = 0x80;
        highest = 0xBF;
        if (--missing == 0) {
            to.appendCodePoint(codePoint);
        }
    }
}
