package dev.gambit.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * The texts of a vocabulary and the way from a text to its id: one array of characters and an open-addressing table of
 * ids, a fraction of the size of strings in a {@code HashMap}. Keys are ranges of a char array, so looking up a part of
 * a text creates nothing. The hash has a multiplier of its own in every process: no file can be made up to be slow to
 * look up.
 */
final class TokenTable {

    /** An odd number that is different in every process. */
    static final long MULTIPLIER = System.nanoTime() * 0x9E3779B97F4A7C15L | 1;

    private final char[] pool;
    private final int[] starts;
    private final int[] hashes;
    private final int[] slots;
    private final int maxLength;
    private final boolean unique;

    /**
     * @param texts a text for each id; where a text occurs twice, the later id is the one found
     */
    TokenTable(String[] texts) {
        starts = new int[texts.length + 1];
        int longest = 0;
        for (int id = 0; id < texts.length; id++) {
            int length = texts[id].length();
            starts[id + 1] = Math.addExact(starts[id], length);
            longest = Math.max(longest, length);
        }
        maxLength = longest;
        pool = new char[starts[texts.length]];
        hashes = new int[texts.length];
        slots = new int[capacity(texts.length)];
        Arrays.fill(slots, -1);
        boolean repeated = false;
        for (int id = 0; id < texts.length; id++) {
            texts[id].getChars(0, texts[id].length(), pool, starts[id]);
            hashes[id] = hash(pool, starts[id], starts[id + 1]);
            int slot = slot(pool, starts[id], starts[id + 1], hashes[id]);
            repeated |= slots[slot] >= 0;
            slots[slot] = id;
        }
        unique = !repeated;
    }

    /** Returns a power of two that leaves at least half of a table with {@code entries} entries empty. */
    static int capacity(int entries) {
        return Integer.highestOneBit(Math.max(1, entries)) << 2;
    }

    /** Returns the number of texts. */
    int size() {
        return hashes.length;
    }

    /** Returns the text of an id. */
    String text(int id) {
        return new String(pool, starts[id], starts[id + 1] - starts[id]);
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

    /** Returns the same as {@link #find}, sooner where {@code guess} is the answer. */
    int find(char[] chars, int from, int to, int guess) {
        boolean right = unique && guess < size() && is(guess, chars, from, to);
        return right ? guess : find(chars, from, to);
    }

    private boolean is(int id, char[] chars, int from, int to) {
        int start = starts[id];
        if (starts[id + 1] - start != to - from) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (pool[start + i - from] != chars[i]) {
                return false;
            }
        }
        return true;
    }

    private int slot(char[] chars, int from, int to, int hash) {
        int mask = slots.length - 1;
        int slot = hash & mask;
        int id = slots[slot];
        while (id >= 0 && (hashes[id] != hash || !is(id, chars, from, to))) {
            slot = slot + 1 & mask;
            id = slots[slot];
        }
        return slot;
    }

    private static int hash(char[] chars, int from, int to) {
        long hash = 1;
        for (int i = from; i < to; i++) {
            hash = (hash + chars[i]) * MULTIPLIER;
        }
        return (int) (hash >>> 32);
    }
}
