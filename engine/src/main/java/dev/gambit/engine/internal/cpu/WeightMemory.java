package dev.gambit.engine.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for a model's weights, cut from large blocks: a small model's matrices are smaller than a huge page, and on small
 * pages a jump to the next kept channel costs a walk through the page table on top of the miss. For one thread at a time.
 */
final class WeightMemory {

    private static final long BLOCK = 16L << 20;
    private static final long ALIGNMENT = 64;

    private final Arena arena;
    private final long blockSize;
    private MemorySegment block;
    private long used;

    /** Memory that lives as long as the arena. */
    WeightMemory(Arena arena) {
        this(arena, BLOCK);
    }

    private WeightMemory(Arena arena, long blockSize) {
        this.arena = arena;
        this.blockSize = blockSize;
    }

    /** Memory for a single matrix. */
    static WeightMemory single(Arena arena) {
        return new WeightMemory(arena, 0);
    }

    /** Returns zeroed memory, aligned to a cache line, with {@link OffHeap#PADDING} readable bytes behind its end. */
    MemorySegment allocate(long bytes) {
        long size = bytes + OffHeap.PADDING;
        if (size > blockSize / 2) {
            return OffHeap.allocate(bytes, arena);
        }
        if (block == null || used + size > block.byteSize()) {
            block = OffHeap.allocate(blockSize, arena);
            used = 0;
        }
        MemorySegment segment = block.asSlice(used, size);
        used = (used + size + ALIGNMENT - 1) & -ALIGNMENT;
        return segment;
    }
}
