package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HeapKeeperTest {

    private static final long MB = 1L << 20;

    @Test
    void collectsOnceGarbageIsAsMuchAsWhatLives() {
        assertFalse(HeapKeeper.due(40 * MB, 0));
        assertTrue(HeapKeeper.due(65 * MB, 0));
        assertFalse(HeapKeeper.due(90 * MB, 30 * MB));
        assertTrue(HeapKeeper.due(95 * MB, 30 * MB));
        assertFalse(HeapKeeper.due(390 * MB, 200 * MB));
        assertTrue(HeapKeeper.due(410 * MB, 200 * MB));
    }
}
