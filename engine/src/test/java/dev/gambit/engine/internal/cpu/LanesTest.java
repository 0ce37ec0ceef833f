package dev.gambit.engine.internal.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Vector loads take blocks of native memory and nothing else: the comparison is what tells C2 their class. */
class LanesTest {

    private static final List<BiFunction<MemorySegment, Long, ?>> LOADS =
            List.of(Lanes::floats, Lanes::bytes, Lanes::words, Lanes::ints, Lanes::brainFloats, Lanes::halves,
                    (s, at) -> Lanes.nibbleInts(s, at, 0));

    @Test
    void heapIsRefused() {
        MemorySegment heap = MemorySegment.ofArray(new float[64]);
        for (BiFunction<MemorySegment, Long, ?> load : LOADS) {
            String message = assertThrows(IllegalArgumentException.class, () -> load.apply(heap, 0L)).getMessage();
            assertTrue(message.startsWith("kernels read blocks of native memory, found"), message);
        }
    }

    @Test
    void whatIsAllocatedIsTaken() {
        try (Arena arena = Arena.ofShared()) {
            // from the arena and, large, from mmap
            for (long bytes : new long[] {256, 5L << 20}) {
                MemorySegment block = OffHeap.allocate(bytes, arena);
                assertEquals(OffHeap.BLOCK, block.getClass());
                assertEquals(OffHeap.BLOCK, block.asSlice(64).getClass());
                LOADS.forEach(load -> load.apply(block, 64L));
            }
        }
    }
}
