package dev.gambit.engine.internal.sampling;

import java.util.Arrays;

/**
 * Finds the highest of many values without sorting them all: one pass keeps the best so far in a heap. Equal values
 * rank by their index, the lowest first; NaN and negative infinity do not take part.
 */
final class TopSelection {

    /** Above this many, sorting everything is faster than a heap. */
    private static final int MAX_HEAP = 2048;

    /** Value in the upper half, inverted index in the lower: the order of the numbers is the order of rank. */
    private long[] keys = new long[0];
    private int size;

    /**
     * Selects from the first {@code count} values.
     *
     * @param values the values
     * @param count how many of them take part
     * @param k how many to find; fewer are found if fewer are numbers
     * @return how many were found
     */
    int select(float[] values, int count, int k) {
        size = 0;
        if (k > MAX_HEAP) {
            reserve(count);
            for (int i = 0; i < count; i++) {
                if (values[i] > Float.NEGATIVE_INFINITY) {
                    keys[size++] = key(values[i], i);
                }
            }
        } else {
            reserve(k);
            selectByHeap(values, count, k);
        }
        Arrays.sort(keys, 0, size);
        return Math.min(size, k);
    }

    /** The index of the value of a rank, 0 the highest, of the last selection. */
    int index(int rank) {
        return ~(int) keys[size - 1 - rank];
    }

    private void reserve(int length) {
        if (keys.length < length) {
            keys = new long[length];
        }
    }

    private void selectByHeap(float[] values, int count, int k) {
        float lowest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            // an equal value comes later and ranks lower, so only greater ones matter; NaN is not greater
            if (values[i] > lowest) {
                if (size < k) {
                    siftUp(key(values[i], i));
                    if (size < k) {
                        continue;
                    }
                } else {
                    siftDown(key(values[i], i));
                }
                lowest = values[~(int) keys[0]];
            }
        }
    }

    private void siftUp(long key) {
        int at = size++;
        while (at > 0 && keys[at - 1 >> 1] > key) {
            keys[at] = keys[at - 1 >> 1];
            at = at - 1 >> 1;
        }
        keys[at] = key;
    }

    private void siftDown(long key) {
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && keys[child + 1] < keys[child]) {
                child++;
            }
            if (keys[child] >= key) {
                break;
            }
            keys[at] = keys[child];
            at = child;
        }
        keys[at] = key;
    }

    private static long key(float value, int index) {
        // adding 0 makes one zero of the two; the shift orders negative numbers, whose bits run backwards
        int bits = Float.floatToRawIntBits(value + 0.0f);
        int ordered = bits ^ bits >> 31 & 0x7fffffff;
        return (long) ordered << 32 | ~index & 0xffffffffL;
    }
}
