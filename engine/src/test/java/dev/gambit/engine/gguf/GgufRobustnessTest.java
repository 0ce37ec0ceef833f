package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Damaged files are refused on one line: no other exception, no hang, no more memory than the file is large. */
class GgufRobustnessTest {

    private static final byte[] SMALL = GgufResources.bytes(GgufResources.EVERY_VALUE);
    private static final byte[] MODEL = GgufResources.bytes(GgufResources.MODEL);

    @Test
    void aModelCutAnywhereIsRefused() {
        GgufFuzz fuzz = new GgufFuzz(MODEL, 0);
        MemorySegment all = MemorySegment.ofArray(MODEL);
        int header = GgufFuzz.headerBytes(MODEL);
        for (int i = 0; i < 100; i++) {
            fuzz.parse(all.asSlice(0, (long) header * i / 100));
            fuzz.parse(all.asSlice(0, header + (long) (MODEL.length - header) * i / 100));
        }
        assertEquals(200, fuzz.refused());
        fuzz.parse(all);
        assertEquals(1, fuzz.accepted());
    }

    @Test
    void everyNumberMayBeExtreme() {
        GgufFuzz small = new GgufFuzz(SMALL, GgufFuzz.headerBytes(SMALL));
        for (int at = 0; at < GgufFuzz.headerBytes(SMALL) - 8; at++) {
            for (int i = 0; i < GgufFuzz.EXTREMES.length; i++) {
                small.overwrite(at, GgufFuzz.EXTREMES[i], (at + i) % 2 == 0 ? 8 : 4);
            }
        }
        // most bytes are values, which may be anything; lengths, types, counts and offsets may not
        assertTrue(small.refused() > 20_000 && small.accepted() > 10_000, small.refused() + " " + small.accepted());
        GgufFuzz model = new GgufFuzz(MODEL, 0);
        int header = GgufFuzz.headerBytes(MODEL);
        for (int at = header - 4_000; at < header - 40; at += 3) {
            model.overwrite(at, GgufFuzz.EXTREMES[at % GgufFuzz.EXTREMES.length], 8);
        }
        assertTrue(model.refused() > 800, "refused " + model.refused());
    }

    @Test
    void flippedBytesGiveOneLineOrAFile() {
        GgufFuzz small = new GgufFuzz(SMALL, GgufFuzz.headerBytes(SMALL));
        small.run(20_000, 1);
        assertTrue(small.refused() > 10_000 && small.accepted() > 1_000, small.refused() + " " + small.accepted());
        GgufFuzz model = new GgufFuzz(MODEL, GgufFuzz.headerBytes(MODEL));
        model.run(200, 2);
        assertTrue(model.refused() > 20 && model.accepted() > 20, model.refused() + " " + model.accepted());
    }

    @Test
    void damageDoesNotCostMemory() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        GgufFuzz small = new GgufFuzz(SMALL, GgufFuzz.headerBytes(SMALL));
        small.run(100, 3);
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int at = 0; at < GgufFuzz.headerBytes(SMALL) - 8; at++) {
            small.overwrite(at, Integer.MAX_VALUE, 8);
            small.overwrite(at, Integer.MAX_VALUE, 4);
            long after = threads.getCurrentThreadAllocatedBytes();
            assertTrue(after - before < 64 * SMALL.length, "at " + at + " " + (after - before) + " bytes");
            before = after;
        }
    }
}
