package dev.gambit.engine.internal.tokenizer;

import java.util.Arrays;

/** UTF-8 encoding that turns an unpaired surrogate into U+FFFD, where {@code String.getBytes} would write "?". */
final class Utf8 {

    private Utf8() {}

    /** Encodes a code point at {@code to[at]} and returns the index after it; at most 4 bytes. */
    static int encode(int codePoint, byte[] to, int at) {
        if (codePoint < 0x80) {
            to[at] = (byte) codePoint;
            return at + 1;
        }
        if (codePoint < 0x800) {
            to[at] = (byte) (0xC0 | codePoint >> 6);
            to[at + 1] = (byte) (0x80 | codePoint & 0x3F);
            return at + 2;
        }
        if (codePoint < 0x10000) {
            boolean surrogate = codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
            int valid = surrogate ? 0xFFFD : codePoint;
            to[at] = (byte) (0xE0 | valid >> 12);
            to[at + 1] = (byte) (0x80 | valid >> 6 & 0x3F);
            to[at + 2] = (byte) (0x80 | valid & 0x3F);
            return at + 3;
        }
        to[at] = (byte) (0xF0 | codePoint >> 18);
        to[at + 1] = (byte) (0x80 | codePoint >> 12 & 0x3F);
        to[at + 2] = (byte) (0x80 | codePoint >> 6 & 0x3F);
        to[at + 3] = (byte) (0x80 | codePoint & 0x3F);
        return at + 4;
    }

    /** Encodes a string. */
    static byte[] encode(String text) {
        byte[] bytes = new byte[text.length() * 3];
        int length = 0;
        for (int i = 0; i < text.length();) {
            int codePoint = text.codePointAt(i);
            length = encode(codePoint, bytes, length);
            i += Character.charCount(codePoint);
        }
        return Arrays.copyOf(bytes, length);
    }
}
