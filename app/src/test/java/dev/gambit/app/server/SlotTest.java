package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** How much of a prompt may come from what is there. */
class SlotTest {

    private static int[] tokens(int n) {
        return IntStream.range(0, n).toArray();
    }

    private static int[] with(int[] tokens, int at, int token) {
        int[] other = tokens.clone();
        other[at] = token;
        return other;
    }

    @Test
    void leavesABatchToEvaluate() {
        assertEquals(68, Slot.common(tokens(100), 100, tokens(100)));
        assertEquals(100, Slot.common(tokens(100), 100, tokens(140)));
        assertEquals(0, Slot.common(tokens(20), 20, tokens(20)));
        assertEquals(0, Slot.common(tokens(0), 0, tokens(100)));
    }

    @Test
    void takesNoMoreThanIsThereAndTheSame() {
        assertEquals(50, Slot.common(tokens(100), 50, tokens(100)));
        assertEquals(40, Slot.common(tokens(100), 100, with(tokens(100), 40, 7)));
        assertEquals(0, Slot.common(tokens(100), 100, with(tokens(100), 0, 7)));
    }

    @Test
    void aLastPositionIsABatchOfItsOwnWithAndWithoutIt() {
        // 513 tokens are a batch of 512 and a last one alone
        assertEquals(0, Slot.common(tokens(513), 513, tokens(513)));
        assertEquals(512, Slot.common(tokens(600), 600, tokens(1025)));
        // 600 tokens have none alone, so neither may 600 - 87
        assertEquals(86, Slot.common(tokens(87), 87, tokens(600)));
        assertEquals(88, Slot.common(tokens(88), 88, tokens(600)));
    }
}
