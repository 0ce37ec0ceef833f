package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.stream.IntStream;

/** Vectors, thresholds and plain loops that kernel tests share. */
final class TestVectors {

    /** Which channels a test keeps. */
    enum Keep {
        NONE, ONE, HALF, ALL, UNMASKED
    }

    static final float EPSILON = 1e-5f;

    private TestVectors() {}

    /** Inputs that are no multiple of anything, and those of real models; quantised matrices come in whole blocks. */
    static int[] inputs(WeightForm form) {
        if (!form.quantised()) {
            return new int[] {1, 7, 31, 33, 576, 1536, 4096, 11008, 14336};
        }
        return form.scaleBytes() == 4
                ? new int[] {256, 1536, 4096, 14336}
                : new int[] {32, 96, 576, 1536, 4096, 11008, 14336};
    }

    static float[] random(int n, Random random) {
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = (float) random.nextGaussian();
        }
        return v;
    }

    static double[] doubles(float[] v) {
        return IntStream.range(0, v.length).mapToDouble(i -> v[i]).toArray();
    }

    static double[] normed(float[] x, float[] weight) {
        double squares = 0;
        for (float v : x) {
            squares += (double) v * v;
        }
        double factor = 1 / Math.sqrt(squares / x.length + EPSILON);
        return IntStream.range(0, x.length).mapToDouble(i -> x[i] * factor * weight[i]).toArray();
    }

    static double silu(double v) {
        return v / (1 + Math.exp(-v));
    }

    /** Thresholds of half or more than twice a value, so that rounding decides nothing. */
    static float[] thresholds(double[] v, Keep keep, Random random) {
        float[] t = new float[v.length];
        for (int i = 0; i < t.length; i++) {
            boolean kept = switch (keep) {
                case NONE -> false;
                case ONE -> i == t.length / 2;
                case HALF -> random.nextBoolean();
                default -> true;
            };
            t[i] = (float) (kept ? Math.abs(v[i]) / 2 : Math.abs(v[i]) * 2 + 1e-3);
        }
        return t;
    }

    static double[] masked(double[] v, float[] thresholds) {
        return IntStream.range(0, v.length)
                .mapToDouble(i -> thresholds == null || Math.abs(v[i]) > thresholds[i] ? v[i] : 0)
                .toArray();
    }

    static int count(double[] v, float[] thresholds) {
        return (int) IntStream.range(0, v.length)
                .filter(i -> thresholds == null || Math.abs(v[i]) > thresholds[i])
                .count();
    }

    /** Compares with what errors of single precision sums can be; NaN never passes. */
    static void assertClose(String what, double[] want, float[] got, double magnitude) {
        assertEquals(want.length, got.length);
        double bound = 4e-6 * magnitude + 1e-12;
        for (int i = 0; i < want.length; i++) {
            if (!(Math.abs(want[i] - got[i]) <= bound)) {
                assertEquals(want[i], got[i], bound, what + " [" + i + "]");
            }
        }
    }
}
