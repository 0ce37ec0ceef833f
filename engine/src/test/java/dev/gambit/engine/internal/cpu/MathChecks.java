package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.testing.RandomTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The part of {@link KernelChecks} about functions of vectors. */
final class MathChecks {

    private static final int[] LENGTHS = {1, 3, 4, 15, 16, 17, 63, 64, 100, 577};

    private final Kernels kernels;
    private final KernelChecks checks;

    MathChecks(Kernels kernels, KernelChecks checks) {
        this.kernels = kernels;
        this.checks = checks;
    }

    void rmsNorm() {
        for (int n : LENGTHS) {
            float[] x = RandomTensor.floats(n + 3, 3f, n);
            float[] weight = RandomTensor.floats(n, 2f, n + 1);
            float[] out = new float[n + 6];
            kernels.rmsNorm(x, 3, n, weight, 1e-5f, out, 5);
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += (double) x[3 + i] * x[3 + i];
            }
            double scale = 1 / Math.sqrt(sum / n + 1e-5f);
            for (int i = 0; i < n; i++) {
                double expected = x[3 + i] * scale * weight[i];
                int at = i;
                checks.near(expected, out[5 + i], 1e-6 * Math.abs(expected), () -> "norm of " + n + " at " + at);
            }
            checks.near(0, out[4], 0, () -> "wrote before its output");
            checks.near(0, out[5 + n], 0, () -> "wrote behind its output");
            checks.ran();
        }
        float[] zeros = new float[16];
        float[] out = new float[16];
        kernels.rmsNorm(zeros, 0, 16, RandomTensor.floats(16, 1f, 1), 1e-6f, out, 0);
        for (float v : out) {
            checks.near(0, v, 0, () -> "norm of zeros");
        }
    }

    void silu() {
        float[] x = new float[4096];
        for (int i = 0; i < x.length; i++) {
            x[i] = (i - 2048) / 20f + (i % 7) * 1e-3f;
        }
        x[0] = -1000;
        x[1] = 1000;
        x[2] = 0;
        x[3] = -1e-6f;
        x[4] = -1e30f;
        x[5] = 1e30f;
        float[] y = x.clone();
        kernels.silu(y, 16, 4080);
        for (int i = 0; i < 16; i++) {
            checks.near(x[i], y[i], 0, () -> "wrote before its offset");
        }
        y = x.clone();
        kernels.silu(y, 0, y.length);
        for (int i = 0; i < x.length; i++) {
            double expected = x[i] / (1 + Math.exp(-x[i]));
            float at = x[i];
            // Far out on the left the exponential is cut off at e^87: what is left is below 1e-30 a unit of x.
            double tolerance = 1e-6 * Math.abs(expected) + 2e-38 * Math.abs(x[i]);
            checks.near(expected, y[i], tolerance, () -> "silu(" + at + ")");
            checks.ran();
        }
    }

    void elementwise() {
        for (int n : LENGTHS) {
            float[] x = RandomTensor.floats(n + 4, 3f, n);
            float[] y = RandomTensor.floats(n + 2, 3f, n + 1);
            float[] sum = x.clone();
            float[] product = x.clone();
            kernels.add(sum, 1, y, 2, n);
            kernels.multiply(product, 1, y, 2, n);
            float[] threshold = RandomTensor.floats(n + 2, 3f, n + 2);
            threshold[2] = Math.abs(x[1]); // not above it
            float[] masked = x.clone();
            int kept = kernels.mask(x, 1, threshold, 2, n, masked, 1);
            int above = 0;
            for (int i = 0; i < x.length; i++) {
                boolean inside = i >= 1 && i <= n;
                int at = i;
                checks.near(inside ? x[i] + y[i + 1] : x[i], sum[i], 0, () -> "sum of " + n + " at " + at);
                checks.near(inside ? x[i] * y[i + 1] : x[i], product[i], 0, () -> "product of " + n + " at " + at);
                boolean keep = inside && Math.abs(x[i]) > threshold[i + 1];
                checks.near(inside && !keep ? 0 : x[i], masked[i], 0, () -> "mask of " + n + " at " + at);
                above += keep ? 1 : 0;
            }
            checks.near(above, kept, 0, () -> "entries above their thresholds of " + n);
            checks.ran();
        }
    }

    void softmax() {
        for (int n : LENGTHS) {
            float[] x = RandomTensor.floats(n + 4, 30f, n);
            float[] before = x.clone();
            float max = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                max = Math.max(max, x[2 + i]);
            }
            float sum = kernels.softmaxNumerators(x, 2, n, max);
            double expectedSum = 0;
            for (int i = 0; i < n; i++) {
                // The float difference, which is what the exponential is of; its rounding is no fault of the kernel.
                double e = Math.exp(before[2 + i] - max);
                expectedSum += e;
                int at = i;
                checks.near(e, x[2 + i], 1e-6 * e, () -> "numerator " + at + " of " + n);
            }
            checks.near(expectedSum, sum, 1e-6 * expectedSum, () -> "sum of " + n + " numerators");
            for (int i : new int[] {0, 1, n + 2, n + 3}) {
                checks.near(before[i], x[i], 0, () -> "wrote outside of its entries");
            }
            checks.ran();
        }
        float[] far = {-2000, 0, -3e38f, -88, -200};
        kernels.softmaxNumerators(far, 0, 5, 0);
        for (int i : new int[] {0, 2, 3, 4}) {
            checks.near(0, far[i], 1e-37, () -> "numerator far below the largest");
        }
        checks.near(1, far[1], 0, () -> "numerator of the largest");
    }

    void sum() {
        float[] random = RandomTensor.floats(4096, 1f, 1);
        MemorySegment s = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, random);
        for (long[] range : new long[][] {{0, 16384}, {64, 8192}, {512, 1536}}) {
            long expected = 0;
            for (long p = range[0]; p < range[1]; p += 8) {
                expected += s.get(ValueLayout.JAVA_LONG_UNALIGNED, p);
            }
            if (expected != kernels.sum(s, range[0], range[1])) {
                throw new AssertionError("sum of bytes " + range[0] + " to " + range[1]);
            }
            checks.ran();
        }
    }
}
