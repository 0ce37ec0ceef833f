package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The products of {@link VectorColumns} for several vectors that keep everything: weights are unpacked once for four of them.
 * Each output's sum is taken in the order of that class, so the bits are the same. Vectors with gaps go through it one by
 * one: at half of the channels each, what four of them keep together is nearly everything, and unpacking it once saves no more
 * than multiplying the zeros costs.
 */
final class VectorColumnRows {

    private static final int TILE = PackedMatrix.TILE;
    /** Rows at a time: four by four vectors of accumulators, as in {@link VectorGemm}. */
    private static final int ROWS = 4;

    private VectorColumnRows() {}

    /** Adds products to each of {@code n} rows; see {@link Kernels#columns}. */
    static void multiply(
            PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        int[] whole = new int[n];
        int m = 0;
        for (int r = 0; r < n; r++) {
            if (isWhole(w, x[r], g0, g1)) {
                whole[m++] = r;
            }
        }
        Block block = m > 1 ? new Block() : null;
        for (int t = t0; t < t1; t++) {
            int at = yOffset + t * TILE;
            for (int r = 0; r < n; r++) {
                if (m < 2 || !isWhole(w, x[r], g0, g1)) {
                    VectorColumns.multiply(w, x[r], g0, g1, t, t + 1, y[r], yOffset);
                }
            }
            for (int i = 0; m > 1 && i < m; i += ROWS) {
                if (i + 1 == m) {
                    VectorColumns.multiply(w, x[whole[i]], g0, g1, t, t + 1, y[whole[i]], yOffset);
                } else {
                    block.set(x, y, whole, i, m);
                    block.tile(w, g0, g1, t, at);
                }
            }
        }
    }

    private static boolean isWhole(PackedMatrix w, Kept x, int g0, int g1) {
        int units = w.group / Kept.UNIT;
        return x.start[g1 * units] - x.start[g0 * units] == Math.min(w.inputs, g1 * w.group) - g0 * w.group;
    }

    /** Four rows; where there are fewer, the last one again, its result thrown away. */
    private static final class Block {
        final Kept[] x = new Kept[ROWS];
        final float[][] y = new float[ROWS][];
        final float[] sums = new float[ROWS * TILE];
        final float[] scales = new float[TILE];
        int used;

        void set(Kept[] all, float[][] results, int[] rows, int from, int end) {
            used = Math.min(ROWS, end - from);
            for (int r = 0; r < ROWS; r++) {
                int row = rows[Math.min(end - 1, from + r)];
                x[r] = all[row];
                y[r] = results[row];
            }
        }

        void tile(PackedMatrix w, int g0, int g1, int tile, int yo) {
            if (!w.plane.quantised()) {
                plain(w, g0, g1, tile, yo);
                return;
            }
            int units = w.group / Kept.UNIT;
            long base = w.tileOffset(tile);
            for (int g = g0; g < g1; g++) {
                int first = g * w.group;
                int count = Math.min(w.inputs, first + w.group) - first;
                int u = g * units;
                long p = base + first * w.stride();
                if (w.plane == Plane.I8) {
                    for (int h = 0; h < TILE; h += 4 * N) {
                        bytes(w.data, p + h, w.stride(), count, x[0].value, x[0].start[u], x[1].value, x[1].start[u],
                                x[2].value, x[2].start[u], x[3].value, x[3].start[u], sums, h);
                    }
                } else {
                    for (int h = 0; h < 16; h += N) {
                        nibbles(w.data, p + 2 * h, w.stride(), count, x[0].value, x[0].start[u], x[1].value,
                                x[1].start[u], x[2].value, x[2].start[u], x[3].value, x[3].start[u], sums, h);
                    }
                }
                for (int r = 0; r < used; r++) {
                    float inputs = units == 1 ? x[r].sum[g] : x[r].sum[2 * g] + x[r].sum[2 * g + 1];
                    GroupScales.add(w, g, tile, sums, r * TILE, inputs, y[r], yo, scales);
                }
            }
        }

        private void plain(PackedMatrix w, int g0, int g1, int tile, int yo) {
            int u = g0 * w.group / Kept.UNIT;
            int first = g0 * w.group;
            int count = Math.min(w.inputs, g1 * w.group) - first;
            for (int r = 0; r < ROWS; r++) {
                System.arraycopy(y[r], yo, sums, r * TILE, TILE);
            }
            for (int h = 0; h < TILE; h += 4 * N) {
                long p = w.tileOffset(tile) + first * w.stride() + w.plane.bytes(h);
                switch (w.plane) {
                    case BF16 -> brainFloats(w.data, p, w.stride(), count, x[0].value, x[0].start[u], x[1].value,
                            x[1].start[u], x[2].value, x[2].start[u], x[3].value, x[3].start[u], sums, h);
                    case F16 -> halves(w.data, p, w.stride(), count, x[0].value, x[0].start[u], x[1].value,
                            x[1].start[u], x[2].value, x[2].start[u], x[3].value, x[3].start[u], sums, h);
                    default -> floats(w.data, p, w.stride(), count, x[0].value, x[0].start[u], x[1].value,
                            x[1].start[u], x[2].value, x[2].start[u], x[3].value, x[3].start[u], sums, h);
                }
            }
            for (int r = 0; r < used; r++) {
                System.arraycopy(sums, r * TILE, y[r], yo, TILE);
            }
        }
    }

    /** Sums up a group of a quarter tile or more, from zero. */
    private static void bytes(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] x2, int o2,
            float[] x3, int o3, float[] s, int h) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector c2 = a0;
        FloatVector c3 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        FloatVector d2 = a0;
        FloatVector d3 = a0;
        for (int k = 0; k < n; k++, p += stride) {
            FloatVector w0 = Lanes.bytes(data, p);
            FloatVector w1 = Lanes.bytes(data, p + N);
            FloatVector w2 = Lanes.bytes(data, p + 2 * N);
            FloatVector w3 = Lanes.bytes(data, p + 3 * N);
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
            v = FloatVector.broadcast(F, x2[o2 + k]);
            c0 = w0.fma(v, c0);
            c1 = w1.fma(v, c1);
            c2 = w2.fma(v, c2);
            c3 = w3.fma(v, c3);
            v = FloatVector.broadcast(F, x3[o3 + k]);
            d0 = w0.fma(v, d0);
            d1 = w1.fma(v, d1);
            d2 = w2.fma(v, d2);
            d3 = w3.fma(v, d3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + N);
        a2.intoArray(s, h + 2 * N);
        a3.intoArray(s, h + 3 * N);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + N);
        b2.intoArray(s, h + TILE + 2 * N);
        b3.intoArray(s, h + TILE + 3 * N);
        c0.intoArray(s, h + 2 * TILE);
        c1.intoArray(s, h + 2 * TILE + N);
        c2.intoArray(s, h + 2 * TILE + 2 * N);
        c3.intoArray(s, h + 2 * TILE + 3 * N);
        d0.intoArray(s, h + 3 * TILE);
        d1.intoArray(s, h + 3 * TILE + N);
        d2.intoArray(s, h + 3 * TILE + 2 * N);
        d3.intoArray(s, h + 3 * TILE + 3 * N);
    }

    /** The same of nibbles, nibble {@code k} being outputs {@code 16k …} and summed 16^k fold. */
    private static void nibbles(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] x2, int o2,
            float[] x3, int o3, float[] s, int h) {
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(1);
        IntVector mask2 = Lanes.nibbleMask(2);
        IntVector mask3 = Lanes.nibbleMask(3);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector c2 = a0;
        FloatVector c3 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        FloatVector d2 = a0;
        FloatVector d3 = a0;
        for (int k = 0; k < n; k++, p += stride) {
            IntVector q = Lanes.words(data, p);
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
            v = FloatVector.broadcast(F, x2[o2 + k]);
            c0 = w0.fma(v, c0);
            c1 = w1.fma(v, c1);
            c2 = w2.fma(v, c2);
            c3 = w3.fma(v, c3);
            v = FloatVector.broadcast(F, x3[o3 + k]);
            d0 = w0.fma(v, d0);
            d1 = w1.fma(v, d1);
            d2 = w2.fma(v, d2);
            d3 = w3.fma(v, d3);
        }
        a0.intoArray(s, h);
        a1.mul(0x1p-4f).intoArray(s, h + 16);
        a2.mul(0x1p-8f).intoArray(s, h + 32);
        a3.mul(0x1p-12f).intoArray(s, h + 48);
        b0.intoArray(s, h + TILE);
        b1.mul(0x1p-4f).intoArray(s, h + TILE + 16);
        b2.mul(0x1p-8f).intoArray(s, h + TILE + 32);
        b3.mul(0x1p-12f).intoArray(s, h + TILE + 48);
        c0.intoArray(s, h + 2 * TILE);
        c1.mul(0x1p-4f).intoArray(s, h + 2 * TILE + 16);
        c2.mul(0x1p-8f).intoArray(s, h + 2 * TILE + 32);
        c3.mul(0x1p-12f).intoArray(s, h + 2 * TILE + 48);
        d0.intoArray(s, h + 3 * TILE);
        d1.mul(0x1p-4f).intoArray(s, h + 3 * TILE + 16);
        d2.mul(0x1p-8f).intoArray(s, h + 3 * TILE + 32);
        d3.mul(0x1p-12f).intoArray(s, h + 3 * TILE + 48);
    }

    /** Adds to the sums. */
    private static void brainFloats(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] x2, int o2,
            float[] x3, int o3, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + N);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 2 * N);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 3 * N);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + N);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 2 * N);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 3 * N);
        FloatVector c0 = FloatVector.fromArray(F, s, h + 2 * TILE);
        FloatVector c1 = FloatVector.fromArray(F, s, h + 2 * TILE + N);
        FloatVector c2 = FloatVector.fromArray(F, s, h + 2 * TILE + 2 * N);
        FloatVector c3 = FloatVector.fromArray(F, s, h + 2 * TILE + 3 * N);
        FloatVector d0 = FloatVector.fromArray(F, s, h + 3 * TILE);
        FloatVector d1 = FloatVector.fromArray(F, s, h + 3 * TILE + N);
        FloatVector d2 = FloatVector.fromArray(F, s, h + 3 * TILE + 2 * N);
        FloatVector d3 = FloatVector.fromArray(F, s, h + 3 * TILE + 3 * N);
        for (int k = 0; k < n; k++, p += stride) {
            FloatVector w0 = Lanes.brainFloats(data, p);
            FloatVector w1 = Lanes.brainFloats(data, p + 2 * N);
            FloatVector w2 = Lanes.brainFloats(data, p + 4 * N);
            FloatVector w3 = Lanes.brainFloats(data, p + 6 * N);
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
            v = FloatVector.broadcast(F, x2[o2 + k]);
            c0 = w0.fma(v, c0);
            c1 = w1.fma(v, c1);
            c2 = w2.fma(v, c2);
            c3 = w3.fma(v, c3);
            v = FloatVector.broadcast(F, x3[o3 + k]);
            d0 = w0.fma(v, d0);
            d1 = w1.fma(v, d1);
            d2 = w2.fma(v, d2);
            d3 = w3.fma(v, d3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + N);
        a2.intoArray(s, h + 2 * N);
        a3.intoArray(s, h + 3 * N);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + N);
        b2.intoArray(s, h + TILE + 2 * N);
        b3.intoArray(s, h + TILE + 3 * N);
        c0.intoArray(s, h + 2 * TILE);
        c1.intoArray(s, h + 2 * TILE + N);
        c2.intoArray(s, h + 2 * TILE + 2 * N);
        c3.intoArray(s, h + 2 * TILE + 3 * N);
        d0.intoArray(s, h + 3 * TILE);
        d1.intoArray(s, h + 3 * TILE + N);
        d2.intoArray(s, h + 3 * TILE + 2 * N);
        d3.intoArray(s, h + 3 * TILE + 3 * N);
    }

    /** Adds to the sums. */
    private static void halves(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] x2, int o2,
            float[] x3, int o3, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + N);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 2 * N);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 3 * N);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + N);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 2 * N);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 3 * N);
        FloatVector c0 = FloatVector.fromArray(F, s, h + 2 * TILE);
        FloatVector c1 = FloatVector.fromArray(F, s, h + 2 * TILE + N);
        FloatVector c2 = FloatVector.fromArray(F, s, h + 2 * TILE + 2 * N);
        FloatVector c3 = FloatVector.fromArray(F, s, h + 2 * TILE + 3 * N);
        FloatVector d0 = FloatVector.fromArray(F, s, h + 3 * TILE);
        FloatVector d1 = FloatVector.fromArray(F, s, h + 3 * TILE + N);
        FloatVector d2 = FloatVector.fromArray(F, s, h + 3 * TILE + 2 * N);
        FloatVector d3 = FloatVector.fromArray(F, s, h + 3 * TILE + 3 * N);
        for (int k = 0; k < n; k++, p += stride) {
            FloatVector w0 = Lanes.halves(data, p);
            FloatVector w1 = Lanes.halves(data, p + 2 * N);
            FloatVector w2 = Lanes.halves(data, p + 4 * N);
            FloatVector w3 = Lanes.halves(data, p + 6 * N);
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
            v = FloatVector.broadcast(F, x2[o2 + k]);
            c0 = w0.fma(v, c0);
            c1 = w1.fma(v, c1);
            c2 = w2.fma(v, c2);
            c3 = w3.fma(v, c3);
            v = FloatVector.broadcast(F, x3[o3 + k]);
            d0 = w0.fma(v, d0);
            d1 = w1.fma(v, d1);
            d2 = w2.fma(v, d2);
            d3 = w3.fma(v, d3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + N);
        a2.intoArray(s, h + 2 * N);
        a3.intoArray(s, h + 3 * N);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + N);
        b2.intoArray(s, h + TILE + 2 * N);
        b3.intoArray(s, h + TILE + 3 * N);
        c0.intoArray(s, h + 2 * TILE);
        c1.intoArray(s, h + 2 * TILE + N);
        c2.intoArray(s, h + 2 * TILE + 2 * N);
        c3.intoArray(s, h + 2 * TILE + 3 * N);
        d0.intoArray(s, h + 3 * TILE);
        d1.intoArray(s, h + 3 * TILE + N);
        d2.intoArray(s, h + 3 * TILE + 2 * N);
        d3.intoArray(s, h + 3 * TILE + 3 * N);
    }

    /** Adds to the sums. */
    private static void floats(
            MemorySegment data, long p, long stride, int n, float[] x0, int o0, float[] x1, int o1, float[] x2, int o2,
            float[] x3, int o3, float[] s, int h) {
        FloatVector a0 = FloatVector.fromArray(F, s, h);
        FloatVector a1 = FloatVector.fromArray(F, s, h + N);
        FloatVector a2 = FloatVector.fromArray(F, s, h + 2 * N);
        FloatVector a3 = FloatVector.fromArray(F, s, h + 3 * N);
        FloatVector b0 = FloatVector.fromArray(F, s, h + TILE);
        FloatVector b1 = FloatVector.fromArray(F, s, h + TILE + N);
        FloatVector b2 = FloatVector.fromArray(F, s, h + TILE + 2 * N);
        FloatVector b3 = FloatVector.fromArray(F, s, h + TILE + 3 * N);
        FloatVector c0 = FloatVector.fromArray(F, s, h + 2 * TILE);
        FloatVector c1 = FloatVector.fromArray(F, s, h + 2 * TILE + N);
        FloatVector c2 = FloatVector.fromArray(F, s, h + 2 * TILE + 2 * N);
        FloatVector c3 = FloatVector.fromArray(F, s, h + 2 * TILE + 3 * N);
        FloatVector d0 = FloatVector.fromArray(F, s, h + 3 * TILE);
        FloatVector d1 = FloatVector.fromArray(F, s, h + 3 * TILE + N);
        FloatVector d2 = FloatVector.fromArray(F, s, h + 3 * TILE + 2 * N);
        FloatVector d3 = FloatVector.fromArray(F, s, h + 3 * TILE + 3 * N);
        for (int k = 0; k < n; k++, p += stride) {
            FloatVector w0 = Lanes.floats(data, p);
            FloatVector w1 = Lanes.floats(data, p + 4 * N);
            FloatVector w2 = Lanes.floats(data, p + 8 * N);
            FloatVector w3 = Lanes.floats(data, p + 12 * N);
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
            v = FloatVector.broadcast(F, x2[o2 + k]);
            c0 = w0.fma(v, c0);
            c1 = w1.fma(v, c1);
            c2 = w2.fma(v, c2);
            c3 = w3.fma(v, c3);
            v = FloatVector.broadcast(F, x3[o3 + k]);
            d0 = w0.fma(v, d0);
            d1 = w1.fma(v, d1);
            d2 = w2.fma(v, d2);
            d3 = w3.fma(v, d3);
        }
        a0.intoArray(s, h);
        a1.intoArray(s, h + N);
        a2.intoArray(s, h + 2 * N);
        a3.intoArray(s, h + 3 * N);
        b0.intoArray(s, h + TILE);
        b1.intoArray(s, h + TILE + N);
        b2.intoArray(s, h + TILE + 2 * N);
        b3.intoArray(s, h + TILE + 3 * N);
        c0.intoArray(s, h + 2 * TILE);
        c1.intoArray(s, h + 2 * TILE + N);
        c2.intoArray(s, h + 2 * TILE + 2 * N);
        c3.intoArray(s, h + 2 * TILE + 3 * N);
        d0.intoArray(s, h + 3 * TILE);
        d1.intoArray(s, h + 3 * TILE + N);
        d2.intoArray(s, h + 3 * TILE + 2 * N);
        d3.intoArray(s, h + 3 * TILE + 3 * N);
    }
}
