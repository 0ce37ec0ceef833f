package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Brings runs of weights into the cache ahead of the products that use them, by reading a word of each cache line: there is no
 * other way to ask for memory in advance from Java. A processor holds many such reads in flight, where a product, with
 * thirty instructions a line, fills its window with a few.
 */
final class Touch {

    private static final int LINE = 64;

    private Touch() {}

    /** Reads {@code bytes} from {@code first + index[k] · stride} for {@code from ≤ k < end}, two runs side by side. */
    static void runs(MemorySegment data, long first, long stride, int[] index, int from, int end, int bytes) {
        int sum = 0;
        int k = from;
        for (; k + 1 < end; k += 2) {
            sum += two(data, first + index[k] * stride, first + index[k + 1] * stride, bytes);
        }
        if (k < end) {
            sum += two(data, first + index[k] * stride, first + index[k] * stride, bytes);
        }
        // Nothing depends on what was read, but the reads must not be left out.
        if (sum == 0x5eed) {
            Thread.onSpinWait();
        }
    }

    private static int two(MemorySegment data, long p, long q, int bytes) {
        if (data.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(data);
        }
        int sum = 0;
        for (int i = 0; i < bytes; i += LINE) {
            sum += data.get(ValueLayout.JAVA_INT_UNALIGNED, p + i);
            sum += data.get(ValueLayout.JAVA_INT_UNALIGNED, q + i);
        }
        return sum;
    }
}
