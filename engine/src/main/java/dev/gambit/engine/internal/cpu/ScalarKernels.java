package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The kernels in plain Java: what runs without the Vector API, and while the vector kernels are not compiled yet (see
 * {@link StartingKernels}). They add in the vector kernels' order and round where those do, so both give the same bits;
 * they move bytes in bulk and loop over arrays, which even the interpreter does at a bearable speed.
 */
final class ScalarKernels implements Kernels {

    private static final int TILE = PackedMatrix.TILE;

    /** Lanes of the vectors to agree with: how many sums some loops keep. */
    private final int lanes;

    /**
     * @param lanes floats in a vector of the kernels to agree with: 4, 8 or 16
     */
    ScalarKernels(int lanes) {
        this.lanes = lanes;
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void columns(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        ScalarColumns.multiply(w, x, g0, g1, t0, t1, y, yOffset);
    }

    @Override
    public void columns(PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        boolean whole = n > 1 && w.isNarrow();
        for (int r = 0; r < n && whole; r++) {
            whole = x[r].isWhole(w, g0, g1);
        }
        if (whole) {
            ScalarColumns.multiplyWhole(w, x, n, g0, g1, t0, t1, y, yOffset);
        } else {
            Kernels.super.columns(w, x, n, g0, g1, t0, t1, y, yOffset);
        }
    }

    @Override
    public void rows(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        ScalarRows.multiply(w, x, sums, rows, n, out, lanes);
    }

    @Override
    public void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        if (w.layout == Layout.ROWS) {
            ScalarRows.dequantise(w, tile, i0, i1, panel);
        } else {
            ScalarColumns.dequantise(w, tile, i0, i1, panel);
        }
    }

    @Override
    public void gemm(
            float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate) {
        for (int r = 0; r < m; r++) {
            int to = cOffset + r * ldc;
            if (!accumulate) {
                java.util.Arrays.fill(c, to, to + TILE, 0f);
            }
            for (int i = 0; i < k; i++) {
                addRow(panel, i * TILE, a[aOffset + r * lda + i], c, to);
            }
        }
    }

    private static void addRow(float[] panel, int from, float x, float[] c, int to) {
        for (int o = 0; o < TILE; o++) {
            c[to + o] = ScalarMath.fma(panel[from + o], x, c[to + o]);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float eps, float[] out, int outOffset) {
        ScalarMath.rmsNorm(x, xOffset, n, weight, eps, out, outOffset, lanes);
    }

    @Override
    public void silu(float[] x, int offset, int n) {
        ScalarMath.silu(x, offset, n);
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            x[xOffset + i] *= y[yOffset + i];
        }
    }

    @Override
    public int mask(float[] x, int xOffset, float[] threshold, int tOffset, int n, float[] out, int outOffset) {
        int kept = 0;
        for (int i = 0; i < n; i++) {
            float v = x[xOffset + i];
            boolean keep = Math.abs(v) > threshold[tOffset + i];
            out[outOffset + i] = keep ? v : 0f;
            kept += keep ? 1 : 0;
        }
        return kept;
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public float softmaxNumerators(float[] x, int offset, int n, float max) {
        return ScalarMath.softmaxNumerators(x, offset, n, max, lanes);
    }

    @Override
    public void scores(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] q,
            int qOffset,
            int heads,
            float scale,
            float[] out,
            int outStride,
            float[] scratch) {
        for (int h = 0; h < heads; h++) {
            for (int p = p0; p < p1; p++) {
                float sum = 0;
                for (int d = 0; d < kv.keyLength; d++) {
                    sum = ScalarMath.fma(kv.key(head, p, d), q[qOffset + h * kv.keyLength + d], sum);
                }
                out[h * outStride + p - p0] = sum * scale;
            }
        }
    }

    @Override
    public void weightedValues(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] weight,
            int weightStride,
            int heads,
            float[] out,
            int outOffset,
            float[] scratch) {
        for (int h = 0; h < heads; h++) {
            for (int p = p0; p < p1; p++) {
                float w = weight[h * weightStride + p - p0];
                for (int d = 0; d < kv.valueLength; d++) {
                    int at = outOffset + h * kv.valueLength + d;
                    out[at] = ScalarMath.fma(kv.value(head, p, d), w, out[at]);
                }
            }
        }
    }

    @Override
    public void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel) {
        for (int d = 0; d < kv.keyLength; d++) {
            for (int p = p0; p < p1; p++) {
                panel[d * TILE + p - p0] = kv.key(head, p, d);
            }
        }
    }

    @Override
    public void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel) {
        int n = Math.min(TILE, kv.valueLength - d0);
        for (int p = p0; p < p1; p++) {
            for (int d = 0; d < TILE; d++) {
                panel[(p - p0) * TILE + d] = d < n ? kv.value(head, p, d0 + d) : 0f;
            }
        }
    }

    @Override
    public long sum(MemorySegment s, long from, long to) {
        long sum = 0;
        for (long p = from; p + 8 <= to; p += 8) {
            sum += s.get(ValueLayout.JAVA_LONG_UNALIGNED, p);
        }
        return sum;
    }
}
