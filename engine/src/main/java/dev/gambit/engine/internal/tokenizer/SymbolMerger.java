package dev.gambit.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * Merges adjacent symbols, best pair first and leftmost among equals, until no pair can be merged: the common part of
 * byte-pair encoding and SentencePiece. The symbols are a linked list, the candidates a binary heap, so {@code n}
 * symbols take O(n log n).
 *
 * <p>A heap entry is a priority above a position. It is out of date where the pair at that position has another
 * priority by now; a pair that was replaced by one of equal priority has an entry in the same place, so nothing is
 * lost.
 */
abstract class SymbolMerger {

    /** What {@link #pair} returns where two symbols do not merge, and the end of the list. */
    static final int NONE = -1;

    private int[] symbols = new int[64];
    private int[] next = new int[64];
    private int[] previous = new int[64];
    private int[] pairs = new int[64];
    private long[] heap = new long[128];
    private int heapSize;

    /** Returns the pair that the symbols at two adjacent positions form, or {@link #NONE}. */
    protected abstract int pair(int left, int right);

    /** Returns when a pair is merged: lower numbers first. */
    protected abstract int priority(int pair);

    /** Returns the symbol that a pair becomes. */
    protected abstract int merged(int pair);

    /** Makes room for {@code count} symbols. */
    final void reserve(int count) {
        if (count > symbols.length) {
            int capacity = count + (count >> 2);
            symbols = new int[capacity];
            next = new int[capacity];
            previous = new int[capacity];
            pairs = new int[capacity];
        }
    }

    /** Puts a symbol at a position; the positions have to be filled from 0. */
    final void set(int position, int symbol) {
        symbols[position] = symbol;
    }

    /** Returns the symbol at a position. */
    final int symbol(int position) {
        return symbols[position];
    }

    /** Returns the position of the symbol after this one, or {@link #NONE}. */
    final int next(int position) {
        return next[position];
    }

    /** Merges the first {@code count} symbols. The list that is left starts at position 0, go on with {@link #next}. */
    final void merge(int count) {
        for (int i = 0; i < count; i++) {
            previous[i] = i - 1;
            next[i] = i + 1;
        }
        next[count - 1] = NONE;
        pairs[count - 1] = NONE;
        if (heap.length < count) {
            heap = new long[count + (count >> 2)];
        }
        heapSize = 0;
        for (int i = 0; i < count - 1; i++) {
            pairs[i] = pair(i, i + 1);
            if (pairs[i] != NONE) {
                heap[heapSize++] = entry(i);
            }
        }
        for (int i = heapSize / 2 - 1; i >= 0; i--) {
            siftDown(i, heap[i]);
        }
        while (heapSize > 0) {
            long best = pop();
            int left = (int) best;
            if (pairs[left] != NONE && priority(pairs[left]) == (int) (best >> 32)) {
                mergeAt(left);
            }
        }
    }

    private void mergeAt(int left) {
        int right = next[left];
        int after = next[right];
        symbols[left] = merged(pairs[left]);
        next[left] = after;
        pairs[right] = NONE;
        pairs[left] = NONE;
        if (after != NONE) {
            previous[after] = left;
            consider(left, after);
        }
        if (previous[left] != NONE) {
            consider(previous[left], left);
        }
    }

    private void consider(int left, int right) {
        pairs[left] = pair(left, right);
        if (pairs[left] != NONE) {
            push(entry(left));
        }
    }

    private long entry(int left) {
        return (long) priority(pairs[left]) << 32 | left;
    }

    private void push(long entry) {
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, heapSize + (heapSize >> 1));
        }
        int at = heapSize++;
        while (at > 0) {
            int parent = (at - 1) / 2;
            if (heap[parent] <= entry) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    private long pop() {
        long best = heap[0];
        heapSize--;
        if (heapSize > 0) {
            siftDown(0, heap[heapSize]);
        }
        return best;
    }

    private void siftDown(int start, long entry) {
        int at = start;
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (entry <= heap[child]) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = entry;
    }
}
