package dev.gambit.engine.internal.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/**
 * GPT-2's way of writing bytes as printable characters: bytes that are printable in Latin-1 stand for themselves, the
 * others in ascending order for U+0100 and on.
 */
final class ByteAlphabet {

    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[0x144];

    static {
        Arrays.fill(BYTES, (short) -1);
        int next = 0x100;
        for (int value = 0; value < 256; value++) {
            boolean printable = value > ' ' && value < 0x7F || value > 0xA0 && value != 0xAD;
            CHARS[value] = (char) (printable ? value : next++);
            BYTES[CHARS[value]] = (short) value;
        }
    }

    private ByteAlphabet() {}

    /** Returns the character for a byte, given as 0 to 255. */
    static char toChar(int value) {
        return CHARS[value];
    }

    /** Returns the bytes that a text stands for; characters that stand for no byte are taken as UTF-8. */
    static byte[] toBytes(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < BYTES.length && BYTES[c] >= 0) {
                bytes.write(BYTES[c]);
            } else {
                int codePoint = text.codePointAt(i);
                byte[] character = new byte[4];
                bytes.write(character, 0, Utf8.encode(codePoint, character, 0));
                i += Character.charCount(codePoint) - 1;
            }
        }
        return bytes.toByteArray();
    }
}
