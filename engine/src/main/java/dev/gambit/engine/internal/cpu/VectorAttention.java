package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Queries against cached keys, and sums of cached values. A block of the cache is turned into floats once, in a small
 * array, and then serves all query heads that share it.
 */
final class VectorAttention {

    private static final int BLOCK = KvLayer.BLOCK;

    private VectorAttention() {}

    static void scores(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] q,
            int qo,
            int heads,
            float scale,
            float[] out,
            int stride,
            float[] scratch) {
        int n = kv.keyLength;
        for (int p = p0; p < p1; p += BLOCK) {
            keys(kv, kv.keyBlock(head, p), scratch, 0, BLOCK);
            for (int lane = 0; lane < BLOCK; lane += N) {
                int at = p - p0 + lane;
                int h = 0;
                for (; h + 3 <= heads; h += 3) {
                    three(scratch, lane, q, qo + h * n, n, scale, out, h * stride + at, stride);
                }
                for (; h < heads; h++) {
                    one(scratch, lane, q, qo + h * n, n, scale, out, h * stride + at);
                }
            }
        }
    }

    private static void three(
            float[] keys, int lane, float[] q, int qo, int n, float scale, float[] out, int at, int stride) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        for (int d = 0; d < n; d++) {
            FloatVector k = FloatVector.fromArray(F, keys, d * BLOCK + lane);
            a0 = k.fma(FloatVector.broadcast(F, q[qo + d]), a0);
            a1 = k.fma(FloatVector.broadcast(F, q[qo + n + d]), a1);
            a2 = k.fma(FloatVector.broadcast(F, q[qo + 2 * n + d]), a2);
        }
        a0.mul(scale).intoArray(out, at);
        a1.mul(scale).intoArray(out, at + stride);
        a2.mul(scale).intoArray(out, at + 2 * stride);
    }

    private static void one(float[] keys, int lane, float[] q, int qo, int n, float scale, float[] out, int at) {
        FloatVector a = FloatVector.zero(F);
        for (int d = 0; d < n; d++) {
            a = FloatVector.fromArray(F, keys, d * BLOCK + lane).fma(FloatVector.broadcast(F, q[qo + d]), a);
        }
        a.mul(scale).intoArray(out, at);
    }

    /** Writes a block's keys as floats, dimension {@code d} of position {@code j} at {@code at + d · stride + j}. */
    private static void keys(KvLayer kv, long block, float[] out, int at, int stride) {
        switch (kv.keyType) {
            case F32 -> floatKeys(kv.keys, block, kv.keyLength, out, at, stride);
            case F16 -> halfKeys(kv.keys, block, kv.keyLength, out, at, stride);
            case Q8_0 -> quantisedKeys(kv.keys, block, kv.keyLength, out, at, stride);
        }
    }

    private static void floatKeys(MemorySegment s, long block, int n, float[] out, int at, int stride) {
        for (int d = 0; d < n; d++) {
            for (int j = 0; j < BLOCK; j += N) {
                Lanes.floats(s, block + (d * BLOCK + j) * 4L).intoArray(out, at + d * stride + j);
            }
        }
    }

    private static void halfKeys(MemorySegment s, long block, int n, float[] out, int at, int stride) {
        for (int d = 0; d < n; d++) {
            for (int j = 0; j < BLOCK; j += N) {
                Lanes.halves(s, block + (d * BLOCK + j) * 2L).intoArray(out, at + d * stride + j);
            }
        }
    }

    private static void quantisedKeys(MemorySegment s, long block, int n, float[] out, int at, int stride) {
        for (int d = 0; d < n; d++) {
            long scales = block + (long) n * BLOCK + d / 32 * BLOCK * 2L;
            for (int j = 0; j < BLOCK; j += N) {
                Lanes.bytes(s, block + d * BLOCK + j)
                        .mul(Lanes.halves(s, scales + j * 2L))
                        .intoArray(out, at + d * stride + j);
            }
        }
    }

    static void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel) {
        for (int p = p0; p < p1; p += BLOCK) {
            keys(kv, kv.keyBlock(head, p), panel, p - p0, PackedMatrix.TILE);
        }
    }

    static void weightedValues(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] weight,
            int stride,
            int heads,
            float[] out,
            int oo,
            float[] scratch) {
        int n = kv.valueLength;
        int padded = (n + N - 1) / N * N;
        for (int p = p0; p < p1; p += BLOCK) {
            int count = Math.min(BLOCK, p1 - p);
            for (int j = 0; j < count; j++) {
                values(kv, kv.valueRow(head, p + j), 0, n, scratch, j * padded);
            }
            int whole = n / N * N;
            for (int d = 0; d < whole; d += N) {
                int h = 0;
                for (; h + 3 <= heads; h += 3) {
                    sumThree(scratch, d, padded, count, weight, h * stride + p - p0, stride, out, oo + h * n + d, n);
                }
                for (; h < heads; h++) {
                    sumOne(scratch, d, padded, count, weight, h * stride + p - p0, out, oo + h * n + d);
                }
            }
            for (int h = 0; h < heads; h++) {
                for (int d = whole; d < n; d++) {
                    float s = out[oo + h * n + d];
                    for (int j = 0; j < count; j++) {
                        s = Math.fma(weight[h * stride + p - p0 + j], scratch[j * padded + d], s);
                    }
                    out[oo + h * n + d] = s;
                }
            }
        }
    }

    private static void sumThree(
            float[] v, int d, int row, int count, float[] w, int wo, int stride, float[] out, int at, int n) {
        FloatVector a0 = FloatVector.fromArray(F, out, at);
        FloatVector a1 = FloatVector.fromArray(F, out, at + n);
        FloatVector a2 = FloatVector.fromArray(F, out, at + 2 * n);
        for (int j = 0; j < count; j++) {
            FloatVector x = FloatVector.fromArray(F, v, j * row + d);
            a0 = x.fma(FloatVector.broadcast(F, w[wo + j]), a0);
            a1 = x.fma(FloatVector.broadcast(F, w[wo + stride + j]), a1);
            a2 = x.fma(FloatVector.broadcast(F, w[wo + 2 * stride + j]), a2);
        }
        a0.intoArray(out, at);
        a1.intoArray(out, at + n);
        a2.intoArray(out, at + 2 * n);
    }

    private static void sumOne(float[] v, int d, int row, int count, float[] w, int wo, float[] out, int at) {
        FloatVector a = FloatVector.fromArray(F, out, at);
        for (int j = 0; j < count; j++) {
            a = FloatVector.fromArray(F, v, j * row + d).fma(FloatVector.broadcast(F, w[wo + j]), a);
        }
        a.intoArray(out, at);
    }

    /** Writes {@code n} of a position's values from dimension {@code d0} on as floats. */
    private static void values(KvLayer kv, long row, int d0, int n, float[] out, int at) {
        switch (kv.valueType) {
            case F32 -> floatValues(kv.values, row + d0 * 4L, n, out, at);
            case F16 -> halfValues(kv.values, row + d0 * 2L, n, out, at);
            case Q8_0 -> quantisedValues(kv.values, row + d0, row + kv.valueLength + d0 / 32 * 2L, n, out, at);
        }
    }

    private static void floatValues(MemorySegment s, long p, int n, float[] out, int at) {
        int d = 0;
        for (; d + N <= n; d += N) {
            Lanes.floats(s, p + d * 4L).intoArray(out, at + d);
        }
        for (; d < n; d++) {
            out[at + d] = s.get(ValueLayout.JAVA_FLOAT_UNALIGNED, p + d * 4L);
        }
    }

    private static void halfValues(MemorySegment s, long p, int n, float[] out, int at) {
        int d = 0;
        for (; d + N <= n; d += N) {
            Lanes.halves(s, p + d * 2L).intoArray(out, at + d);
        }
        for (; d < n; d++) {
            out[at + d] = Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, p + d * 2L));
        }
    }

    /** Whole blocks of 32, as the cache type asks for. */
    private static void quantisedValues(MemorySegment s, long p, long scales, int n, float[] out, int at) {
        for (int d = 0; d < n; d += N) {
            float scale = Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, scales + d / 32 * 2L));
            Lanes.bytes(s, p + d).mul(scale).intoArray(out, at + d);
        }
    }

    static void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel) {
        int n = Math.min(PackedMatrix.TILE, kv.valueLength - d0);
        for (int p = p0; p < p1; p++) {
            int to = (p - p0) * PackedMatrix.TILE;
            values(kv, kv.valueRow(head, p), d0, n, panel, to);
            java.util.Arrays.fill(panel, to + n, to + PackedMatrix.TILE, 0f);
        }
    }
}
