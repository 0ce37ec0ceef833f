package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LogSoftmaxTest {

    @Test
    void exponentialIsMathsExponential() {
        Random random = new Random(1);
        for (int i = 0; i < 100_000; i++) {
            double x = -40 * random.nextDouble() * random.nextDouble();
            assertEquals(Math.exp(x), LogSoftmax.exp(x), Math.exp(x) * 1e-10);
        }
        assertEquals(1, LogSoftmax.exp(0));
        assertEquals(Math.exp(-699), LogSoftmax.exp(-699), Math.exp(-699) * 1e-10);
        assertEquals(0, LogSoftmax.exp(-701));
        assertEquals(0, LogSoftmax.exp(Double.NEGATIVE_INFINITY));
    }

    @Test
    void sumsAndDivergenceAreTheDefinition() {
        Random random = new Random(2);
        for (int n : new int[] {1, 2, 3, 7, 1001}) {
            float[] x = new float[n + 5];
            float[] y = new float[n + 5];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (random.nextGaussian() * 8);
                y[i] = x[i] + (float) random.nextGaussian();
            }
            double sumX = 0;
            double sumY = 0;
            int best = 0;
            for (int i = 0; i < n; i++) {
                sumX += Math.exp(x[5 + i]);
                sumY += Math.exp(y[3 + i]);
                best = x[5 + i] > x[5 + best] ? i : best;
            }
            double kl = 0;
            for (int i = 0; i < n; i++) {
                double p = Math.exp(x[5 + i]) / sumX;
                kl += p * (Math.log(p) - Math.log(Math.exp(y[3 + i]) / sumY));
            }
            double logX = LogSoftmax.logSumExp(x, 5, n);
            double logY = LogSoftmax.logSumExp(y, 3, n);
            assertEquals(Math.log(sumX), logX, 1e-9);
            assertEquals(kl, LogSoftmax.divergence(x, 5, logX, y, 3, logY, n), 1e-8);
            assertEquals(best, LogSoftmax.argmax(x, 5, n));
        }
    }

    @Test
    void largeLogitsDoNotOverflow() {
        float[] x = {1e6f, 1e6f, -1e6f};
        assertEquals(1e6 + Math.log(2), LogSoftmax.logSumExp(x, 0, 3), 1e-9);
    }
}
