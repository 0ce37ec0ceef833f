package dev.gambit.engine.internal.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LogProbabilitiesTest {

    @Test
    void isTheLogarithmOfTheSoftmax() {
        Random random = new Random(3);
        for (int length : new int[] {1, 2, 100, 5000}) {
            float[] logits = new float[length];
            for (int i = 0; i < length; i++) {
                // rounded, so that there are ties
                logits[i] = Math.round(random.nextGaussian() * 40) / 10f;
            }
            // by definition, without the shift by the maximum, and summed exactly
            BigDecimal sum = BigDecimal.ZERO;
            for (float logit : logits) {
                sum = sum.add(new BigDecimal(Math.exp(logit)));
            }
            double logSum = Math.log(sum.doubleValue());
            List<Integer> order = IntStream.range(0, length).boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> -logits[i]).thenComparing(i -> i)).toList();
            for (int n : new int[] {0, 1, 10, 2500, 10_000}) {
                List<LogProbabilities.Entry> top = LogProbabilities.top(logits, n);
                assertEquals(order.subList(0, Math.min(n, length)),
                        top.stream().map(LogProbabilities.Entry::token).toList());
                for (LogProbabilities.Entry entry : top) {
                    assertEquals(logits[entry.token()] - logSum, entry.value(), 1e-12);
                    assertEquals(entry.value(), LogProbabilities.of(logits, entry.token()));
                }
            }
            double total = LogProbabilities.top(logits, length).stream().mapToDouble(e -> Math.exp(e.value())).sum();
            assertEquals(1, total, 1e-9);
        }
    }

    @Test
    void staysFiniteForLargeLogits() {
        float[] logits = {30_000, 29_999, Float.NEGATIVE_INFINITY};
        List<LogProbabilities.Entry> top = LogProbabilities.top(logits, 5);
        assertEquals(2, top.size());
        assertEquals(-Math.log1p(Math.exp(-1)), top.get(0).value(), 1e-9);
        assertEquals(Double.NEGATIVE_INFINITY, LogProbabilities.of(logits, 2));
    }

    @Test
    void refusesWhatMakesNoSense() {
        float[] broken = new float[3];
        Arrays.fill(broken, Float.NaN);
        for (Runnable wrong : List.<Runnable>of(() -> LogProbabilities.top(new float[] {1}, -1),
                () -> LogProbabilities.top(broken, 1), () -> LogProbabilities.top(new float[0], 1),
                () -> LogProbabilities.of(new float[] {1}, 1), () -> LogProbabilities.of(new float[] {1}, -1),
                () -> LogProbabilities.top(new float[] {1, Float.POSITIVE_INFINITY}, 1))) {
            GambitException e = assertThrows(GambitException.class, wrong::run);
            assertTrue(!e.getMessage().contains("\n"));
        }
    }
}
