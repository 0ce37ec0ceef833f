package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import dev.gambit.engine.KvCacheType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Queries against cached keys, and sums of cached values. Up to four query heads share one read of the cache. */
final class VectorAttention {

    private VectorAttention() {}

    static void scores(
            KvLayer kv, int head, int p0, int p1, float[] q, int qo, int heads, float scale, float[] out, int stride) {
        int n = kv.keyLength;
        for (int p = p0; p < p1; p += KvLayer.BLOCK) {
            long block = kv.keyBlock(head, p);
            for (int lane = 0; lane < KvLayer.BLOCK; lane += N) {
                int h = 0;
                for (; h + 3 <= heads; h += 3) {
                    three(kv, block, lane, q, qo + h * n, n, scale, out, h * stride + p - p0 + lane, stride);
                }
                for (; h < heads; h++) {
                    one(kv, block, lane, q, qo + h * n, n, scale, out, h * stride + p - p0 + lane);
                }
            }
        }
    }

    private static FloatVector key(KvCacheType type, MemorySegment keys, long block, int d, int lane) {
        return switch (type) {
            case F32 -> Lanes.floats(keys, block + (d * KvLayer.BLOCK + lane) * 4L);
            case F16 -> Lanes.halves(keys, block + (d * KvLayer.BLOCK + lane) * 2L);
            case Q8_0 -> Lanes.bytes(keys, block + d * KvLayer.BLOCK + lane);
        };
    }

    private static void three(
            KvLayer kv, long block, int lane, float[] q, int qo, int n, float scale, float[] out, int at, int stride) {
        KvCacheType type = kv.keyType;
        MemorySegment keys = kv.keys;
        int step = type == KvCacheType.Q8_0 ? 32 : n;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        for (int b = 0; b < n; b += step) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector a2 = a0;
            for (int d = b; d < b + step; d++) {
                FloatVector k = key(type, keys, block, d, lane);
                a0 = k.fma(FloatVector.broadcast(F, q[qo + d]), a0);
                a1 = k.fma(FloatVector.broadcast(F, q[qo + n + d]), a1);
                a2 = k.fma(FloatVector.broadcast(F, q[qo + 2 * n + d]), a2);
            }
            FloatVector f = factor(kv, block, b, lane, scale);
            s0 = a0.fma(f, s0);
            s1 = a1.fma(f, s1);
            s2 = a2.fma(f, s2);
        }
        s0.intoArray(out, at);
        s1.intoArray(out, at + stride);
        s2.intoArray(out, at + 2 * stride);
    }

    private static void one(
            KvLayer kv, long block, int lane, float[] q, int qo, int n, float scale, float[] out, int at) {
        KvCacheType type = kv.keyType;
        MemorySegment keys = kv.keys;
        int step = type == KvCacheType.Q8_0 ? 32 : n;
        FloatVector s = FloatVector.zero(F);
        for (int b = 0; b < n; b += step) {
            FloatVector a = FloatVector.zero(F);
            for (int d = b; d < b + step; d++) {
                a = key(type, keys, block, d, lane).fma(FloatVector.broadcast(F, q[qo + d]), a);
            }
            s = a.fma(factor(kv, block, b, lane, scale), s);
        }
        s.intoArray(out, at);
    }

    private static FloatVector factor(KvLayer kv, long block, int b, int lane, float scale) {
        if (kv.keyType != KvCacheType.Q8_0) {
            return FloatVector.broadcast(F, scale);
        }
        long at = block + (long) kv.keyLength * KvLayer.BLOCK + (b / 32 * KvLayer.BLOCK + lane) * 2L;
        return Lanes.halves(kv.keys, at).mul(scale);
    }

    static void weightedValues(
            KvLayer kv, int head, int p0, int p1, float[] weight, int stride, int heads, float[] out, int oo) {
        int n = kv.valueLength;
        int whole = n / N * N;
        for (int d = 0; d < whole; d += N) {
            int h = 0;
            for (; h + 3 <= heads; h += 3) {
                sumThree(kv, head, p0, p1, d, weight, h * stride, stride, out, oo + h * n + d, n);
            }
            for (; h < heads; h++) {
                sumOne(kv, head, p0, p1, d, weight, h * stride, out, oo + h * n + d);
            }
        }
        for (int h = 0; h < heads && whole < n; h++) {
            for (int d = whole; d < n; d++) {
                float s = out[oo + h * n + d];
                for (int p = p0; p < p1; p++) {
                    s = Math.fma(weight[h * stride + p - p0], kv.value(head, p, d), s);
                }
                out[oo + h * n + d] = s;
            }
        }
    }

    private static FloatVector value(KvLayer kv, KvCacheType type, long row, int d) {
        return switch (type) {
            case F32 -> Lanes.floats(kv.values, row + d * 4L);
            case F16 -> Lanes.halves(kv.values, row + d * 2L);
            case Q8_0 -> Lanes.bytes(kv.values, row + d);
        };
    }

    /** The factor that turns a cached entry into a value: 1, or the block's scale. */
    private static float valueScale(KvLayer kv, KvCacheType type, long row, int d) {
        return type == KvCacheType.Q8_0
                ? Float.float16ToFloat(kv.values.get(
                        java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED, row + kv.valueLength + d / 32 * 2L))
                : 1f;
    }

    private static void sumThree(
            KvLayer kv, int head, int p0, int p1, int d, float[] w, int wo, int stride, float[] out, int at, int n) {
        KvCacheType type = kv.valueType;
        long bytes = kv.valueRowBytes();
        long row = kv.valueRow(head, p0);
        FloatVector a0 = FloatVector.fromArray(F, out, at);
        FloatVector a1 = FloatVector.fromArray(F, out, at + n);
        FloatVector a2 = FloatVector.fromArray(F, out, at + 2 * n);
        for (int p = 0; p < p1 - p0; p++) {
            FloatVector v = value(kv, type, row, d);
            float s = valueScale(kv, type, row, d);
            a0 = v.fma(FloatVector.broadcast(F, w[wo + p] * s), a0);
            a1 = v.fma(FloatVector.broadcast(F, w[wo + stride + p] * s), a1);
            a2 = v.fma(FloatVector.broadcast(F, w[wo + 2 * stride + p] * s), a2);
            row += bytes;
        }
        a0.intoArray(out, at);
        a1.intoArray(out, at + n);
        a2.intoArray(out, at + 2 * n);
    }

    private static void sumOne(
            KvLayer kv, int head, int p0, int p1, int d, float[] w, int wo, float[] out, int at) {
        KvCacheType type = kv.valueType;
        long bytes = kv.valueRowBytes();
        long row = kv.valueRow(head, p0);
        FloatVector a = FloatVector.fromArray(F, out, at);
        for (int p = 0; p < p1 - p0; p++) {
            FloatVector v = value(kv, type, row, d);
            a = v.fma(FloatVector.broadcast(F, w[wo + p] * valueScale(kv, type, row, d)), a);
            row += bytes;
        }
        a.intoArray(out, at);
    }

    static void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel) {
        for (int p = p0; p < p1; p += KvLayer.BLOCK) {
            long block = kv.keyBlock(head, p);
            for (int d = 0; d < kv.keyLength; d++) {
                for (int lane = 0; lane < KvLayer.BLOCK; lane += N) {
                    FloatVector k = key(kv.keyType, kv.keys, block, d, lane);
                    if (kv.keyType == KvCacheType.Q8_0) {
                        k = k.mul(factor(kv, block, d / 32 * 32, lane, 1f));
                    }
                    k.intoArray(panel, d * PackedMatrix.TILE + p - p0 + lane);
                }
            }
        }
    }

    static void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel) {
        int n = Math.min(PackedMatrix.TILE, kv.valueLength - d0);
        int whole = n / N * N;
        for (int p = p0; p < p1; p++) {
            long row = kv.valueRow(head, p);
            int to = (p - p0) * PackedMatrix.TILE;
            for (int d = 0; d < whole; d += N) {
                value(kv, kv.valueType, row, d0 + d)
                        .mul(valueScale(kv, kv.valueType, row, d0 + d))
                        .intoArray(panel, to + d);
            }
            for (int d = whole; d < PackedMatrix.TILE; d++) {
                panel[to + d] = d < n ? kv.value(head, p, d0 + d) : 0f;
            }
        }
    }
}
