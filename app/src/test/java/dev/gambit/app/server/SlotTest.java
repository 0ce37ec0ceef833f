package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** How much of a prompt's beginning can be used. */
class SlotTest {

    @Test
    void leavesABatchToEvaluate() {
        assertEquals(68, Slot.usable(100, 100, 1));
        assertEquals(100, Slot.usable(100, 140, 1));
        assertEquals(0, Slot.usable(19, 20, 1));
        assertEquals(0, Slot.usable(0, 100, 1));
    }

    @Test
    void cutsWhereTheBackendCuts() {
        assertEquals(512, Slot.usable(1000, 2000, 512));
        assertEquals(1024, Slot.usable(1100, 2000, 512));
        assertEquals(0, Slot.usable(500, 2000, 512));
    }
}
