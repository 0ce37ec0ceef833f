package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The products of {@link VectorColumns} for several vectors that keep everything: weights are unpacked once for two of them.
 * Each output's sum is taken in the order of that class, so the bits are the same. Vectors with gaps go through it one by
 * one: at half of the channels each, what several of them keep together is nearly everything, and unpacking it once saves no more
 * than multiplying the zeros costs.
 */
final class VectorColumnRows {

    private static final int TILE = PackedMatrix.TILE;
    /** Rows at a time: with their sums and a column of weights they stay in 16 registers. */
    private static final int ROWS = 2;

    private VectorColumnRows() {}

    /** Adds products to each of {@code n} rows; see {@link Kernels#columns}. */
    static void multiply(
            PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        for (int g = g0; g < g1; g = w.blockEnd(g)) {
            block(w, x, n, g, Math.min(g1, w.blockEnd(g)), t0, t1, y, yOffset);
        }
    }

    private static void block(
            PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        int[] whole = new int[n];
        int m = 0;
        for (int r = 0; r < n; r++) {
            if (x[r].isWhole(w, g0, g1)) {
                whole[m++] = r;
            }
        }
        Pair pair = m > 1 ? new Pair() : null;
        for (int t = t0; t < t1; t++) {
            int at = yOffset + t * TILE;
            for (int r = 0; r < n; r++) {
                if (m < 2 || !x[r].isWhole(w, g0, g1)) {
                    VectorColumns.multiply(w, x[r], g0, g1, t, t + 1, y[r], yOffset);
                }
            }
            for (int i = 0; m > 1 && i < m; i += ROWS) {
                if (i + 1 == m) {
                    VectorColumns.multiply(w, x[whole[i]], g0, g1, t, t + 1, y[whole[i]], yOffset);
                } else {
                    pair.tile(w, x[whole[i]], x[whole[i + 1]], g0, g1, t, y[whole[i]], y[whole[i + 1]], at);
                }
            }
        }
    }

    /** Two rows' sums. */
    private static final class Pair {
        final float[] sums = new float[ROWS * TILE];
        final float[] scales = new float[TILE];

        void tile(PackedMatrix w, Kept x0, Kept x1, int g0, int g1, int tile, float[] y0, float[] y1, int yo) {
            if (!w.plane.quantised()) {
                plain(w, x0, x1, g0, g1, tile, y0, y1, yo);
                return;
            }
            int units = w.group / Kept.UNIT;
            long base = w.tileOffset(tile, g0);
            for (int g = g0; g < g1; g++) {
                int first = g * w.group;
                int count = Math.min(w.inputs, first + w.group) - first;
                int u = g * units;
                long p = base + first * w.stride();
                for (int h = 0; h < 16; h += N) {
                    if (w.plane == Plane.I8) {
                        bytes(w.data, p + 4 * h, w.stride(), count, x0.value, x0.start[u], x1.value, x1.start[u], sums,
                                h);
                    } else {
                        nibbles(w.data, p, w.stride(), count, x0.value, x0.start[u], x1.value, x1.start[u],
                                sums,
                                h);
                    }
                }
                GroupScales.addBoth(w, g, tile, sums, x0.groupSum(g, units), x1.groupSum(g, units), y0, y1, yo, scales);
            }
        }

        private void plain(
                PackedMatrix w, Kept x0, Kept x1, int g0, int g1, int tile, float[] y0, float[] y1, int yo) {
            int u = g0 * w.group / Kept.UNIT;
            int first = g0 * w.group;
            int count = Math.min(w.inputs, g1 * w.group) - first;
            System.arraycopy(y0, yo, sums, 0, TILE);
            System.arraycopy(y1, yo, sums, TILE, TILE);
            long p = w.tileOffset(tile, g0) + first * w.stride();
            for (int h = 0; h < 16; h += N) {
                switch (w.plane) {
                    case BF16 -> brainFloats(w.data, p + 4 * h, w.stride(), count, x0.value, x0.start[u], x1.value,
                            x1.start[u], sums, h);
                    case F16 -> halves(w.data, p + 4 * h, w.stride(), count, x0.value, x0.start[u], x1.value,
                            x1.start[u], sums, h);
                    default -> floats(w.data, p + 4 * h, w.stride(), count, x0.value, x0.start[u], x1.value,
                            x1.start[u], sums, h);
                }
            }
            System.arraycopy(sums, 0, y0, yo, TILE);
            System.arraycopy(sums, TILE, y1, yo, TILE);
        }
    }

    /** Sums up a group of a quarter tile or more, from zero. */
    private static void bytes(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] s, int h) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int k = 0; k < n; k++, p += stride) {
            IntVector q = Lanes.ints(data, p);
            FloatVector w0 = Lanes.byte0(q);
            FloatVector w1 = Lanes.byte1(q);
            FloatVector w2 = Lanes.byte2(q);
            FloatVector w3 = Lanes.byte3(q);
            FloatVector v = FloatVector.broadcast(F, x0[o0 + k]);
            a0 = w0.fma(v, a0);
            a1 = w1.fma(v, a1);
            a2 = w2.fma(v, a2);
            a3 = w3.fma(v, a3);
            v = FloatVector.broadcast(F, x1[o1 + k]);
            b0 = w0.fma(v, b0);
            b1 = w1.fma(v, b1);
            b2 = w2.fma(v, b2);
            b3 = w3.fma(v, b3);
        }
        a0.mul(Lanes.BYTE_UNIT).intoArray(s, h);
        a1.mul(Lanes.BYTE_UNIT).intoArray(s, h + 16);
        a2.mul(Lanes.BYTE_UNIT).intoArray(s, h + 32);
        a3.mul(Lanes.BYTE_UNIT).intoArray(s, h + 48);
        b0.mul(Lanes.BYTE_UNIT).intoArray(s, h + TILE);
        b1.mul(Lanes.BYTE_UNIT).intoArray(s, h + TILE + 16);
        b2.mul(Lanes.BYTE_UNIT).intoArray(s, h + TILE + 32);
        b3.mul(Lanes.BYTE_UNIT).intoArray(s, h + TILE + 48);
    }

    /** The same of nibbles, those of outputs {@code 16k …} summed 256^k fold. */
    private static void nibbles(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] s, int h) {
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(8);
        IntVector mask2 = Lanes.nibbleMask(16);
        IntVector mask3 = Lanes.nibbleMask(24);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int k = 0; k < n; k++, p += stride) {
            IntVector q = Lanes.nibbleInts(data, p, h);
            FloatVector w0 = Lanes.nibbles(q, mask0);
            FloatVector w1 = Lanes.nibbles(q, mask1);
            FloatVector w2 = Lanes.nibbles(q, mask2);
            FloatVector w3 = Lanes.nibbles(q, mask3);
            FloatVector v = FloatVector.broadcast(F, x0[o0 + k]);
            a0 = w0.fma(v, a0);
            a1 = w1.fma(v, a1);
            a2 = w2.fma(v, a2);
            a3 = w3.fma(v, a3);
            v = FloatVector.broadcast(F, x1[o1 + k]);
            b0 = w0.fma(v, b0);
            b1 = w1.fma(v, b1);
            b2 = w2.fma(v, b2);
            b3 = w3.fma(v, b3);
        }
        a0.intoArray(s, h);
        a1.mul(0x1p-8f).intoArray(s, h + 16);
        a2.mul(0x1p-16f).intoArray(s, h + 32);
        a3.mul(0x1p-24f).intoArray(s, h + 48);
        b0.intoArray(s, h + TILE);
        b1.mul(0x1p-8f).intoArray(s, h + TILE + 16);
        b2.mul(0x1p-16f).intoArray(s, h + TILE + 32);
        b3.mul(0x1p-24f).intoArray(s, h + TILE + 48);
    }

    /** Adds to the sums. */
    private static void brainFloats(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + 16);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 32);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 48);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + 16);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 32);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 48);
        for (int k = 0; k < n; k++, p += stride) {
            IntVector q = Lanes.ints(data, p);
            FloatVector w0 = Lanes.lowBrainFloats(q);
            FloatVector w1 = Lanes.highBrainFloats(q);
            q = Lanes.ints(data, p + 64);
            FloatVector w2 = Lanes.lowBrainFloats(q);
            FloatVector w3 = Lanes.highBrainFloats(q);
            FloatVector v = FloatVector.broadcast(F, x0[o0 + k]);
            a0 = w0.fma(v, a0);
            a1 = w1.fma(v, a1);
            a2 = w2.fma(v, a2);
            a3 = w3.fma(v, a3);
            v = FloatVector.broadcast(F, x1[o1 + k]);
            b0 = w0.fma(v, b0);
            b1 = w1.fma(v, b1);
            b2 = w2.fma(v, b2);
            b3 = w3.fma(v, b3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + 16);
        a2.intoArray(s, h + 32);
        a3.intoArray(s, h + 48);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + 16);
        b2.intoArray(s, h + TILE + 32);
        b3.intoArray(s, h + TILE + 48);
    }

    /** Adds to the sums. */
    private static void halves(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + 16);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 32);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 48);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + 16);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 32);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 48);
        for (int k = 0; k < n; k++, p += stride) {
            IntVector q = Lanes.ints(data, p);
            FloatVector w0 = Lanes.lowHalves(q);
            FloatVector w1 = Lanes.highHalves(q);
            q = Lanes.ints(data, p + 64);
            FloatVector w2 = Lanes.lowHalves(q);
            FloatVector w3 = Lanes.highHalves(q);
            FloatVector v = FloatVector.broadcast(F, x0[o0 + k]);
            a0 = w0.fma(v, a0);
            a1 = w1.fma(v, a1);
            a2 = w2.fma(v, a2);
            a3 = w3.fma(v, a3);
            v = FloatVector.broadcast(F, x1[o1 + k]);
            b0 = w0.fma(v, b0);
            b1 = w1.fma(v, b1);
            b2 = w2.fma(v, b2);
            b3 = w3.fma(v, b3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + 16);
        a2.intoArray(s, h + 32);
        a3.intoArray(s, h + 48);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + 16);
        b2.intoArray(s, h + TILE + 32);
        b3.intoArray(s, h + TILE + 48);
    }

    /** Adds to the sums. */
    private static void floats(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + 16);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 32);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 48);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + 16);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 32);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 48);
        for (int k = 0; k < n; k++, p += stride) {
            FloatVector w0 = Lanes.floats(data, p);
            FloatVector w1 = Lanes.floats(data, p + 64);
            FloatVector w2 = Lanes.floats(data, p + 128);
            FloatVector w3 = Lanes.floats(data, p + 192);
            FloatVector v = FloatVector.broadcast(F, x0[o0 + k]);
            a0 = w0.fma(v, a0);
            a1 = w1.fma(v, a1);
            a2 = w2.fma(v, a2);
            a3 = w3.fma(v, a3);
            v = FloatVector.broadcast(F, x1[o1 + k]);
            b0 = w0.fma(v, b0);
            b1 = w1.fma(v, b1);
            b2 = w2.fma(v, b2);
            b3 = w3.fma(v, b3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + 16);
        a2.intoArray(s, h + 32);
        a3.intoArray(s, h + 48);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + 16);
        b2.intoArray(s, h + TILE + 32);
        b3.intoArray(s, h + TILE + 48);
    }
}
