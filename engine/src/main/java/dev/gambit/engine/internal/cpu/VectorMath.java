package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Element-wise operations and the functions between the matrices. */
final class VectorMath {

    private static final float LOG2_E = 1.44269504088896341f;
    // ln 2 in two parts, the first with trailing zeros so that n · LN2_HI is exact (Cephes' expf).
    private static final float LN2_HI = 0.693359375f;
    private static final float LN2_LO = -2.12194440e-4f;
    /** Adding and subtracting this rounds a float to the nearest integer. */
    private static final float ROUND = 12582912f;

    private VectorMath() {}

    /** e^x to 2 ulp (polynomial of Cephes' expf); arguments are held within ±87. */
    static FloatVector exp(FloatVector x) {
        FloatVector v = x.min(87f).max(-87f);
        FloatVector n = v.mul(LOG2_E).add(ROUND).sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HI), v);
        r = n.fma(FloatVector.broadcast(F, -LN2_LO), r);
        FloatVector p = FloatVector.broadcast(F, 1.9875691500e-4f);
        p = p.fma(r, FloatVector.broadcast(F, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
        p = p.fma(r.mul(r), r).add(1f);
        // 2^n from the integer that ROUND leaves in the mantissa's low bits
        var bits = n.add(ROUND).reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return p.reinterpretAsInts().add(bits).reinterpretAsFloats();
    }

    static void silu(float[] x, int offset, int n) {
        FloatVector one = FloatVector.broadcast(F, 1f);
        for (int i = 0; i < n; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, offset + i);
            v.div(exp(v.neg()).add(one)).intoArray(x, offset + i);
        }
    }

    static float softmaxNumerators(float[] x, int offset, int n, float max) {
        FloatVector sum = FloatVector.zero(F);
        int i = 0;
        for (; i + N <= n; i += N) {
            FloatVector e = exp(FloatVector.fromArray(F, x, offset + i).sub(max));
            e.intoArray(x, offset + i);
            sum = sum.add(e);
        }
        float total = Lanes.sum(sum);
        for (; i < n; i++) {
            float e = (float) Math.exp(x[offset + i] - max);
            x[offset + i] = e;
            total += e;
        }
        return total;
    }

    static void rmsNorm(float[] x, int xo, int n, float[] weight, float eps, float[] out, int oo) {
        FloatVector s = FloatVector.zero(F);
        int i = 0;
        for (; i + N <= n; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, xo + i);
            s = v.fma(v, s);
        }
        float sum = Lanes.sum(s);
        for (int j = i; j < n; j++) {
            sum += x[xo + j] * x[xo + j];
        }
        float scale = (float) (1 / Math.sqrt(sum / n + eps));
        for (i = 0; i + N <= n; i += N) {
            FloatVector.fromArray(F, x, xo + i)
                    .mul(scale)
                    .mul(FloatVector.fromArray(F, weight, i))
                    .intoArray(out, oo + i);
        }
        for (; i < n; i++) {
            out[oo + i] = x[xo + i] * scale * weight[i];
        }
    }

    static void multiply(float[] x, int xo, float[] y, int yo, int n) {
        int i = 0;
        for (; i + N <= n; i += N) {
            FloatVector.fromArray(F, x, xo + i)
                    .mul(FloatVector.fromArray(F, y, yo + i))
                    .intoArray(x, xo + i);
        }
        for (; i < n; i++) {
            x[xo + i] *= y[yo + i];
        }
    }

    static int mask(float[] x, int xo, float[] threshold, int to, int n, float[] out, int oo) {
        FloatVector zero = FloatVector.zero(F);
        int kept = 0;
        int i = 0;
        for (; i + N <= n; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, xo + i);
            var keep = v.abs().compare(VectorOperators.GT, FloatVector.fromArray(F, threshold, to + i));
            zero.blend(v, keep).intoArray(out, oo + i);
            kept += keep.trueCount();
        }
        for (; i < n; i++) {
            boolean keep = Math.abs(x[xo + i]) > threshold[to + i];
            out[oo + i] = keep ? x[xo + i] : 0f;
            kept += keep ? 1 : 0;
        }
        return kept;
    }

    static void add(float[] x, int xo, float[] y, int yo, int n) {
        int i = 0;
        for (; i + N <= n; i += N) {
            FloatVector.fromArray(F, x, xo + i)
                    .add(FloatVector.fromArray(F, y, yo + i))
                    .intoArray(x, xo + i);
        }
        for (; i < n; i++) {
            x[xo + i] += y[yo + i];
        }
    }
}
