package dev.gambit.engine.internal.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The merges of byte-pair encoding as a map from two symbols to the rank of their merge. A symbol is the id of the
 * token with its text; texts that merges name and the vocabulary lacks get numbers beyond the vocabulary's.
 */
final class MergeTable {

    private static final long EMPTY = -1;

    private final TokenTable table;
    private final Map<String, Integer> extra = new HashMap<>();
    private final List<String> extraTexts = new ArrayList<>();
    private final long[] pairs;
    private final int[] ranks;
    private final int[] merged;
    private final int[] byteSymbols = new int[256];
    private final int shift;

    /**
     * @param table the vocabulary
     * @param merges two texts with a space between, best first; lines of another form match nothing
     */
    MergeTable(TokenTable table, String[] merges) {
        this.table = table;
        int capacity = TokenTable.capacity(merges.length);
        pairs = new long[capacity];
        Arrays.fill(pairs, EMPTY);
        ranks = new int[capacity];
        shift = 64 - Integer.numberOfTrailingZeros(capacity);
        merged = new int[merges.length];
        char[] buffer = new char[64];
        for (int rank = 0; rank < merges.length; rank++) {
            String merge = merges[rank];
            int length = merge.length();
            int space = merge.indexOf(' ', 1);
            if (space < 0) {
                continue;
            }
            if (length > buffer.length) {
                buffer = new char[length * 2];
            }
            merge.getChars(0, length, buffer, 0);
            int left = symbol(buffer, 0, space, 0);
            int right = symbol(buffer, space + 1, length, 0);
            System.arraycopy(buffer, space + 1, buffer, space, length - space - 1);
            // Nearly all vocabularies list the products of merges in the order of the merges.
            merged[rank] = symbol(buffer, 0, length - 1, rank == 0 ? 0 : merged[rank - 1] + 1);
            int slot = slot(left, right);
            if (pairs[slot] == EMPTY) {
                pairs[slot] = key(left, right);
                ranks[slot] = rank;
            }
        }
        for (int value = 0; value < 256; value++) {
            byteSymbols[value] = symbol(new char[] {ByteAlphabet.toChar(value)}, 0, 1, 0);
        }
    }

    /** Returns the rank of merging two symbols, or -1 where they do not merge. */
    int rank(int left, int right) {
        int slot = slot(left, right);
        return pairs[slot] == EMPTY ? -1 : ranks[slot];
    }

    /** Returns the symbol that the merge of a rank leads to. */
    int merged(int rank) {
        return merged[rank];
    }

    /** Returns the symbol of a byte, given as 0 to 255. */
    int byteSymbol(int value) {
        return byteSymbols[value];
    }

    /**
     * Adds a symbol's token. A symbol that is no token is added byte by byte; bytes that are no tokens either are lost,
     * as in llama.cpp.
     */
    void emit(int symbol, TokenBuffer to) {
        if (symbol < table.size()) {
            to.add(symbol);
            return;
        }
        for (char c : extraTexts.get(symbol - table.size()).toCharArray()) {
            int token = table.find(new char[] {c}, 0, 1);
            if (token >= 0) {
                to.add(token);
            }
        }
    }

    private int symbol(char[] chars, int from, int to, int guess) {
        int token = table.find(chars, from, to, guess);
        if (token >= 0) {
            return token;
        }
        String text = new String(chars, from, to - from);
        Integer known = extra.putIfAbsent(text, table.size() + extraTexts.size());
        if (known != null) {
            return known;
        }
        extraTexts.add(text);
        return table.size() + extraTexts.size() - 1;
    }

    private int slot(int left, int right) {
        long key = key(left, right);
        int slot = (int) (key * TokenTable.MULTIPLIER >>> shift);
        while (pairs[slot] != key && pairs[slot] != EMPTY) {
            slot = slot + 1 & pairs.length - 1;
        }
        return slot;
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }
}
