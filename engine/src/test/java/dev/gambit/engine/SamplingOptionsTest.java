package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class SamplingOptionsTest {

    @Test
    void startsFromLlamaCppsDefaults() {
        SamplingOptions d = SamplingOptions.defaults();
        assertEquals(new SamplingOptions(0.8f, 40, 0.95f, 0.05f, 64, 1.0f, 0, 0, -1), d);
        assertEquals(d, SamplingOptions.builder().build());
        assertFalse(d.isGreedy());
        assertFalse(d.hasPenalties());
    }

    @Test
    void changesOneOptionAtATime() {
        SamplingOptions o = SamplingOptions.builder().temperature(1).topK(2).topP(0.3f).minP(0.4f).repeatLastN(5)
                .repeatPenalty(1.6f).frequencyPenalty(0.7f).presencePenalty(0.8f).seed(9).build();
        assertEquals(new SamplingOptions(1, 2, 0.3f, 0.4f, 5, 1.6f, 0.7f, 0.8f, 9), o);
        assertEquals(new SamplingOptions(1, 2, 0.3f, 0.4f, 5, 1.6f, 0.7f, 0.8f, 10), o.toBuilder().seed(10).build());
        assertTrue(o.hasPenalties());
        assertFalse(o.toBuilder().repeatLastN(0).build().hasPenalties());
        assertTrue(SamplingOptions.greedy().isGreedy());
        assertEquals(Map.of(3, -1f), o.toBuilder().logitBias(Map.of(3, -1f)).build().toBuilder().build().logitBias());
    }

    @Test
    void refusesNumbersOutOfRange() {
        List<Supplier<SamplingOptions.Builder>> wrong = List.of(
                () -> SamplingOptions.builder().temperature(Float.NaN),
                () -> SamplingOptions.builder().temperature(Float.POSITIVE_INFINITY),
                () -> SamplingOptions.builder().topP(-0.1f),
                () -> SamplingOptions.builder().topP(1.1f),
                () -> SamplingOptions.builder().topP(Float.NaN),
                () -> SamplingOptions.builder().minP(-0.1f),
                () -> SamplingOptions.builder().minP(1.5f),
                () -> SamplingOptions.builder().minP(Float.NaN),
                () -> SamplingOptions.builder().repeatLastN(-2),
                () -> SamplingOptions.builder().repeatPenalty(0),
                () -> SamplingOptions.builder().repeatPenalty(-1),
                () -> SamplingOptions.builder().repeatPenalty(Float.NaN),
                () -> SamplingOptions.builder().repeatPenalty(Float.POSITIVE_INFINITY),
                () -> SamplingOptions.builder().frequencyPenalty(Float.NaN),
                () -> SamplingOptions.builder().presencePenalty(Float.NEGATIVE_INFINITY),
                () -> SamplingOptions.builder().logitBias(Map.of(1, Float.NaN)),
                () -> SamplingOptions.builder().logitBias(Map.of(1, Float.POSITIVE_INFINITY)),
                () -> SamplingOptions.builder().logitBias(Map.of(-1, 0f)),
                () -> SamplingOptions.builder().seed(-2));
        for (Supplier<SamplingOptions.Builder> builder : wrong) {
            GambitException e = assertThrows(GambitException.class, () -> builder.get().build());
            assertTrue(e.getMessage().startsWith("sampling option ") && !e.getMessage().contains("\n"));
        }
    }
}
