package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The kernels in plain Java: what runs without the Vector API, and what the vector kernels are tested against. */
final class ScalarKernels implements Kernels {

    private static final int TILE = PackedMatrix.TILE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void columns(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        int units = w.group / Kept.UNIT;
        int last = (w.inputs + Kept.UNIT - 1) / Kept.UNIT;
        float[] sum = new float[TILE];
        for (int t = t0; t < t1; t++) {
            long base = w.tileOffset(t);
            int yo = yOffset + t * TILE;
            for (int g = g0; g < g1; g++) {
                int end = x.start[Math.min(last, (g + 1) * units)];
                int k = x.start[g * units];
                if (k == end) {
                    continue;
                }
                java.util.Arrays.fill(sum, 0f);
                for (; k < end; k++) {
                    column(w, base + x.index[k] * w.stride(), x.value[k], sum);
                }
                float inputs = units == 1 ? x.sum[g] : x.sum[2 * g] + x.sum[2 * g + 1];
                for (int o = 0; o < TILE; o++) {
                    float v = sum[o];
                    if (w.plane.quantised()) {
                        v = scale(w, w.scales, w.superScales, g, t * TILE + o) * (v - w.zero * inputs);
                        v += w.hasMin ? scale(w, w.mins, w.superMins, g, t * TILE + o) * inputs : 0f;
                    }
                    y[yo + o] += v;
                }
            }
        }
    }

    /** Adds {@code x} times the 64 stored numbers at {@code p}. */
    private static void column(PackedMatrix w, long p, float x, float[] sum) {
        MemorySegment s = w.data;
        switch (w.plane) {
            case I8 -> {
                for (int o = 0; o < TILE; o++) {
                    sum[o] += x * s.get(ValueLayout.JAVA_BYTE, p + o);
                }
            }
            case U4 -> {
                for (int o = 0; o < 16; o++) {
                    int word = s.get(SHORT, p + o * 2L);
                    sum[o] += x * (word & 15);
                    sum[o + 16] += x * (word >>> 4 & 15);
                    sum[o + 32] += x * (word >>> 8 & 15);
                    sum[o + 48] += x * (word >>> 12 & 15);
                }
            }
            case BF16 -> {
                for (int o = 0; o < TILE; o++) {
                    sum[o] += x * Float.intBitsToFloat(s.get(SHORT, p + o * 2L) << 16);
                }
            }
            case F16 -> {
                for (int o = 0; o < TILE; o++) {
                    sum[o] += x * Float.float16ToFloat(s.get(SHORT, p + o * 2L));
                }
            }
            case F32 -> {
                for (int o = 0; o < TILE; o++) {
                    sum[o] += x * s.get(ValueLayout.JAVA_FLOAT_UNALIGNED, p + o * 4L);
                }
            }
        }
    }

    private static float scale(PackedMatrix w, MemorySegment fine, MemorySegment coarse, int g, int o) {
        long at = w.scaleIndex(g, o);
        if (w.scaling == PackedMatrix.Scaling.HALF) {
            return Float.float16ToFloat(fine.get(SHORT, at * 2));
        }
        long big = w.superScaleIndex(g * w.group / 256, o);
        return fine.get(ValueLayout.JAVA_BYTE, at) * Float.float16ToFloat(coarse.get(SHORT, big * 2));
    }

    @Override
    public void rows(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        float[] row = new float[w.strips.preparedLength];
        for (int k = 0; k < n; k++) {
            w.strips.copyPrepared(rows[k], row);
            float sum = 0;
            for (int i = 0; i < row.length; i++) {
                sum += row[i] * x[i];
            }
            out[k] = sum;
        }
    }

    @Override
    public void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        if (w.layout == Layout.ROWS) {
            for (int o = 0; o < TILE; o++) {
                w.strips.copyRow(tile * TILE + o, i0, i1, panel, o, TILE);
            }
            return;
        }
        for (int i = i0; i < i1; i++) {
            for (int o = 0; o < TILE; o++) {
                panel[(i - i0) * TILE + o] = w.weight(i, tile * TILE + o);
            }
        }
    }

    @Override
    public void gemm(
            float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate) {
        float[] sum = new float[TILE];
        for (int r = 0; r < m; r++) {
            java.util.Arrays.fill(sum, 0f);
            for (int i = 0; i < k; i++) {
                float x = a[aOffset + r * lda + i];
                for (int o = 0; o < TILE; o++) {
                    sum[o] += x * panel[i * TILE + o];
                }
            }
            for (int o = 0; o < TILE; o++) {
                int at = cOffset + r * ldc + o;
                c[at] = accumulate ? c[at] + sum[o] : sum[o];
            }
        }
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float eps, float[] out, int outOffset) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) x[xOffset + i] * x[xOffset + i];
        }
        float scale = (float) (1 / Math.sqrt(sum / n + eps));
        for (int i = 0; i < n; i++) {
            out[outOffset + i] = x[xOffset + i] * scale * weight[i];
        }
    }

    @Override
    public void silu(float[] x, int offset, int n) {
        for (int i = offset; i < offset + n; i++) {
            x[i] = (float) (x[i] / (1 + Math.exp(-x[i])));
        }
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
        float sum = 0;
        for (int i = offset; i < offset + n; i++) {
            x[i] = (float) Math.exp(x[i] - max);
            sum += x[i];
        }
        return sum;
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
                    sum += q[qOffset + h * kv.keyLength + d] * kv.key(head, p, d);
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
                    out[outOffset + h * kv.valueLength + d] += w * kv.value(head, p, d);
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
