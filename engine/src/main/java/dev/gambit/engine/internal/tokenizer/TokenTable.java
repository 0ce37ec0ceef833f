package dev.gambit.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * The texts of a vocabulary and the way from a text to its id: an open-addressing table of ids, a fraction of the size
 * of a {@code HashMap}. Keys are ranges of a char array, so looking up a part of a text creates nothing. The hash has a
 * multiplier of its own in every process: no file can be made up to be slow to look up.
 */
final class TokenTable {

    /** An odd number that is different in every process. */
    static final long MULTIPLIER = System.nanoTime() * 0x9E3779B97F4A7C15L | 1;

    private final String[] texts;
    private final int[] hashes;
    private final int[] slots;
    private final int maxLength;

    /**
     * @param texts a text for each id; where a text occurs twice, the later id is the one found
     */
    TokenTable(String[] texts) {
        this.texts = texts;
        hashes = new int[texts.length];
        slots = new int[capacity(texts.length)];
        Arrays.fill(slots, -1);
        char[] buffer = new char[64];
        int longest = 0;
        for (int id = 0; id < texts.length; id++) {
            String text = texts[id];
            int length = text.length();
            if (length > buffer.length) {
                buffer = new char[length * 2];
            }
            longest = Math.max(longest, length);
            text.getChars(0, length, buffer, 0);
            hashes[id] = hash(buffer, 0, length);
            slots[slot(buffer, 0, length, hashes[id])] = id;
        }
        maxLength = longest;
    }

    /** Returns a power of two that leaves at least half of a table with {@code entries} entries empty. */
    static int capacity(int entries) {
        return Integer.highestOneBit(Math.max(1, entries)) << 2;
    }

    /** Returns the number of texts. */
    int size() {
        return texts.length;
    }

    /** Returns the text of an id. */
    String text(int id) {
        return texts[id];
    }

    /** Returns the length in chars of the longest text. */
    int maxLength() {
        return maxLength;
    }

    /** Returns the id of a text, or -1 if there is none. */
    int find(String text) {
        return find(text.toCharArray(), 0, text.length());
    }

    /** Returns the id of the text that stands from {@code from} to {@code to} exclusive, or -1 if there is none. */
    int find(char[] chars, int from, int to) {
        return to - from > maxLength ? -1 : slots[slot(chars, from, to, hash(chars, from, to))];
    }

    private int slot(char[] chars, int from, int to, int hash) {
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] >= 0 && (hashes[slots[slot]] != hash || !equal(texts[slots[slot]], chars, from, to))) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private static boolean equal(String text, char[] chars, int from, int to) {
        int length = to - from;
        if (text.length() != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (text.charAt(i) != chars[from + i]) {
                return false;
            }
        }
        return true;
    }

    private static int hash(char[] chars, int from, int to) {
        long hash = 1;
        for (int i = from; i < to; i++) {
            hash = (hash + chars[i]) * MULTIPLIER;
        }
        return (int) (hash >>> 32);
    }
}
