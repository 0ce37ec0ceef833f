package dev.gambit.engine.internal.tokenizer;

import java.util.Arrays;

/** A growing array of token ids. */
final class TokenBuffer {

    private int[] tokens;
    private int size;

    TokenBuffer(int capacity) {
        tokens = new int[capacity];
    }

    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, size + (size >> 1) + 8);
        }
        tokens[size++] = token;
    }

    int[] toArray() {
        return Arrays.copyOf(tokens, size);
    }
}
