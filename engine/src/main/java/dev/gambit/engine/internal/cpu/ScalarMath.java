package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.model.ModelConfig;

/** What {@link VectorMath} computes, one number at a time, with the same bits. */
final class ScalarMath {

    private static final float LOG2_E = 1.44269504088896341f;
    private static final float LN2_HI = 0.693359375f;
    private static final float LN2_LO = -2.12194440e-4f;
    private static final float ROUND = 12582912f;

    /** Without the Vector API there is nobody to agree with, and a processor may be too old to fuse in hardware. */
    private static final boolean FUSED =
            ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();

    private ScalarMath() {}

    /** Returns {@code a · b + c}, rounded once, as vectors do it. */
    static float fma(float a, float b, float c) {
        return FUSED ? Math.fma(a, b, c) : a * b + c;
    }

    /** e^x to 2 ulp (polynomial of Cephes' expf); arguments are held within ±87. */
    static float exp(float x) {
        float v = Math.max(Math.min(x, 87f), -87f);
        float n = v * LOG2_E + ROUND - ROUND;
        float r = fma(n, -LN2_HI, v);
        r = fma(n, -LN2_LO, r);
        float p = 1.9875691500e-4f;
        p = fma(p, r, 1.3981999507e-3f);
        p = fma(p, r, 8.3334519073e-3f);
        p = fma(p, r, 4.1665795894e-2f);
        p = fma(p, r, 1.6666665459e-1f);
        p = fma(p, r, 5.0000001201e-1f);
        p = fma(p, r * r, r) + 1f;
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(n + ROUND) << 23));
    }

    /** Adds lanes up as {@link Lanes#sum} does; their number is a power of two. Overwrites them. */
    static float sum(float[] lanes) {
        for (int half = lanes.length / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0];
    }

    /** Applies a model's activation in place. */
    static void activate(ModelConfig.Activation activation, Kernels kernels, float[] x, int offset, int n) {
        switch (activation) {
            case SILU -> kernels.silu(x, offset, n);
            case RELU -> {
                for (int i = offset; i < offset + n; i++) {
                    x[i] = Math.max(x[i], 0f);
                }
            }
        }
    }

    static void silu(float[] x, int offset, int n) {
        for (int i = offset; i < offset + n; i++) {
            x[i] = x[i] / (exp(-x[i]) + 1f);
        }
    }

    static float softmaxNumerators(float[] x, int offset, int n, float max, int lanes) {
        float[] sums = new float[lanes];
        int whole = n / lanes * lanes;
        for (int i = 0; i < whole; i++) {
            float e = exp(x[offset + i] - max);
            x[offset + i] = e;
            sums[i % lanes] += e;
        }
        float total = sum(sums);
        for (int i = whole; i < n; i++) {
            float e = (float) Math.exp(x[offset + i] - max);
            x[offset + i] = e;
            total += e;
        }
        return total;
    }

    static void rmsNorm(float[] x, int xo, int n, float[] weight, float eps, float[] out, int oo, int lanes) {
        float[] sums = new float[lanes];
        int whole = n / lanes * lanes;
        for (int i = 0; i < whole; i++) {
            sums[i % lanes] = fma(x[xo + i], x[xo + i], sums[i % lanes]);
        }
        float sum = sum(sums);
        for (int i = whole; i < n; i++) {
            sum += x[xo + i] * x[xo + i];
        }
        float scale = (float) (1 / Math.sqrt(sum / n + eps));
        for (int i = 0; i < n; i++) {
            out[oo + i] = x[xo + i] * scale * weight[i];
        }
    }
}
