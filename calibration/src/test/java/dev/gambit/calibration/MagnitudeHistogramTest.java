package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class MagnitudeHistogramTest {

    private static void checkAgainstSelection(int n, ToDoubleFunction<Random> distribution) {
        Random random = new Random(n);
        MagnitudeHistogram h = new MagnitudeHistogram();
        float[] sorted = new float[n];
        for (int i = 0; i < n; i++) {
            float x = (float) distribution.applyAsDouble(random);
            h.add(x);
            sorted[i] = Math.abs(x);
        }
        Arrays.sort(sorted);
        assertEquals(n, h.total());
        for (double level : SidecarWriter.levels()) {
            int k = Math.max(1, (int) (n * level));
            double exact = level == 0 ? 0 : sorted[k - 1];
            assertEquals(exact, h.quantile(level), exact * MagnitudeHistogram.RELATIVE_ERROR, "level " + level);
        }
    }

    @Test
    void quantilesAreWithinTheBoundOfExactSelection() {
        checkAgainstSelection(200_000, Random::nextGaussian);
        checkAgainstSelection(10_000, r -> Math.exp(20 * r.nextGaussian() / 3));
        checkAgainstSelection(5_000, r -> -1e-7 * r.nextDouble());
        checkAgainstSelection(1_000, r -> r.nextInt(3) == 0 ? r.nextDouble() : 0);
        for (int n = 1; n < 40; n++) {
            checkAgainstSelection(n, Random::nextGaussian);
        }
    }

    @Test
    void manyValuesGiveFarBetterQuantilesThanTheBound() {
        Random random = new Random(1);
        MagnitudeHistogram h = new MagnitudeHistogram();
        float[] sorted = new float[1_000_000];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] = Math.abs((float) random.nextGaussian());
            h.add(sorted[i]);
        }
        Arrays.sort(sorted);
        assertEquals(sorted[499_999], h.quantile(0.5), 1e-5);
    }

    @Test
    void binsAreAdjacentAndNarrow() {
        for (int bin = 1; bin < MagnitudeHistogram.BINS; bin++) {
            float low = MagnitudeHistogram.lowerEdge(bin);
            assertEquals(bin, MagnitudeHistogram.bin(low));
            assertEquals(bin, MagnitudeHistogram.bin(-low));
            assertEquals(bin - 1, MagnitudeHistogram.bin(Math.nextDown(low)));
            float width = MagnitudeHistogram.lowerEdge(bin) - MagnitudeHistogram.lowerEdge(bin - 1);
            assertTrue(bin == 1 || width <= low * MagnitudeHistogram.RELATIVE_ERROR);
        }
        assertEquals(0, MagnitudeHistogram.bin(0f));
        assertEquals(0, MagnitudeHistogram.bin(-0f));
        assertEquals(0, MagnitudeHistogram.bin(Float.MIN_VALUE));
    }

    @Test
    void whatIsNotFiniteIsNoticed() {
        for (float x : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e30f}) {
            MagnitudeHistogram h = new MagnitudeHistogram();
            h.add(1f);
            assertFalse(h.overflowed());
            h.add(x);
            assertTrue(h.overflowed());
        }
    }

    @Test
    void theFastCounterCountsTheSame() {
        Random random = new Random(7);
        float[] x = new float[3000];
        float[] u = new float[1000];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
            u[i % 1000] = random.nextFloat();
        }
        MagnitudeHistogram expected = new MagnitudeHistogram();
        MagnitudeHistogram found = new MagnitudeHistogram();
        BinCounter counter = new BinCounter();
        for (int round = 0; round < 2; round++) {
            counter.add(x, 0, 1000);
            counter.addProducts(x, 2000, u, 0, 1000);
            counter.drainTo(found);
            for (int i = 0; i < 1000; i++) {
                expected.add(x[i]);
                expected.add(x[2000 + i] * u[i]);
            }
        }
        assertEquals(4000, found.total());
        for (int bin = 0; bin < MagnitudeHistogram.BINS; bin++) {
            assertEquals(expected.count(bin), found.count(bin));
        }
    }
}
