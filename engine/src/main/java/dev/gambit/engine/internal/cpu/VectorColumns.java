package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products with column-wise packed matrices: {@code y += Σ x[i] · W[:, i]} over the kept inputs. Outputs are the lanes, so
 * there is no horizontal sum; the integers of a group's kept columns are summed first and meet their scale once. Four
 * or eight accumulators of a tile stay in registers.
 *
 * <p>Two habits keep vectors in registers instead of boxes on the heap, here and in the other vector kernels. No vector
 * comes out of a branch or a switch, or crosses a call that C2 may not inline: what has to, goes through a small array.
 * And the hot loop comes first in a short method of its own, because C2 stops inlining when a method has grown too large.
 */
final class VectorColumns {

    private static final int TILE = PackedMatrix.TILE;
    /** Inputs of a wide panel walked side by side. */
    private static final int BLOCK = 64;
    /** Bytes of each of their columns that are brought into the cache at a time. */
    private static final long CHUNK = 4096;

    private VectorColumns() {}

    /**
     * Adds the product of groups {@code g0 … g1-1} to the outputs of tiles {@code t0 … t1-1}.
     *
     * @param y receives output {@code o} at {@code yOffset + o}
     */
    static void multiply(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        float[] sums = w.plane.quantised() ? new float[TILE] : null;
        float[] scales = w.plane.quantised() ? new float[TILE] : null;
        // A narrow panel is one stream through a block's groups; a wide one is walked a few kept columns at a time, side by side.
        boolean narrow = w.panel == TILE;
        int units = w.group / Kept.UNIT;
        int chunk = narrow ? 1 : (int) (CHUNK / w.plane.bytes(TILE));
        for (int g = g0; g < g1;) {
            int end = Math.min(g1, narrow ? w.blockEnd(g) : g + BLOCK / w.group);
            int first = x.start[g * units];
            int behind = x.start[end * units];
            for (int c = t0; c < t1; c += chunk) {
                int last = Math.min(t1, c + chunk);
                if (w.streams()) {
                    Touch.runs(w.data, w.tileOffset(c, g), w.stride(), x.index, first, behind,
                            (int) w.plane.bytes((last - c) * TILE));
                }
                for (int t = c; t < last; t++) {
                    int at = yOffset + t * TILE;
                    switch (w.plane) {
                        case I8 -> bytes(w, x, g, end, t, y, at, sums, scales);
                        case U4 -> nibbles(w, x, g, end, t, y, at, sums, scales);
                        case BF16 -> brainFloats(w, x, g, end, t, y, at);
                        case F16 -> halves(w, x, g, end, t, y, at);
                        case F32 -> floats(w, x, g, end, t, y, at);
                    }
                }
            }
            g = end;
        }
    }

    private static void bytes(
            PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo, float[] sums, float[] scales) {
        int units = w.group / Kept.UNIT;
        long base = w.tileOffset(tile, g0);
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            if (N == 16) {
                bytes(w.data, base, w.stride(), x.index, x.value, first, end, sums);
            } else {
                for (int h = 0; h < 16; h += 2 * N) {
                    bytes(w.data, base, w.stride(), x.index, x.value, first, end, sums, h);
                }
            }
            GroupScales.add(w, g, tile, sums, 0, x.groupSum(g, units), y, yo, scales);
        }
    }

    /** Sums up a group of a tile, whose 64 outputs are one vector of ints. */
    private static void bytes(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] sums) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            IntVector v = Lanes.ints(data, base + index[k] * stride);
            a0 = Lanes.byte0(v).fma(xv, a0);
            a1 = Lanes.byte1(v).fma(xv, a1);
            a2 = Lanes.byte2(v).fma(xv, a2);
            a3 = Lanes.byte3(v).fma(xv, a3);
        }
        a0.mul(Lanes.BYTE_UNIT).intoArray(sums, 0);
        a1.mul(Lanes.BYTE_UNIT).intoArray(sums, 16);
        a2.mul(Lanes.BYTE_UNIT).intoArray(sums, 32);
        a3.mul(Lanes.BYTE_UNIT).intoArray(sums, 48);
    }

    /** The same of two shorter vectors of ints from number {@code h} on. */
    private static void bytes(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] sums,
            int h) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            long p = base + 4 * h + index[k] * stride;
            IntVector v = Lanes.ints(data, p);
            IntVector u = Lanes.ints(data, p + 4 * N);
            a0 = Lanes.byte0(v).fma(xv, a0);
            a1 = Lanes.byte1(v).fma(xv, a1);
            a2 = Lanes.byte2(v).fma(xv, a2);
            a3 = Lanes.byte3(v).fma(xv, a3);
            b0 = Lanes.byte0(u).fma(xv, b0);
            b1 = Lanes.byte1(u).fma(xv, b1);
            b2 = Lanes.byte2(u).fma(xv, b2);
            b3 = Lanes.byte3(u).fma(xv, b3);
        }
        a0.mul(Lanes.BYTE_UNIT).intoArray(sums, h);
        a1.mul(Lanes.BYTE_UNIT).intoArray(sums, h + 16);
        a2.mul(Lanes.BYTE_UNIT).intoArray(sums, h + 32);
        a3.mul(Lanes.BYTE_UNIT).intoArray(sums, h + 48);
        b0.mul(Lanes.BYTE_UNIT).intoArray(sums, h + N);
        b1.mul(Lanes.BYTE_UNIT).intoArray(sums, h + N + 16);
        b2.mul(Lanes.BYTE_UNIT).intoArray(sums, h + N + 32);
        b3.mul(Lanes.BYTE_UNIT).intoArray(sums, h + N + 48);
    }

    private static void nibbles(
            PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo, float[] sums, float[] scales) {
        int units = w.group / Kept.UNIT;
        long base = w.tileOffset(tile, g0);
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            if (N == 16) {
                nibbles(w.data, base, w.stride(), x.index, x.value, first, end, sums);
            } else {
                for (int h = 0; h < 8; h += N) {
                    nibbles(w.data, base + 4 * h, w.stride(), x.index, x.value, first, end, sums, h, 15);
                }
            }
            GroupScales.add(w, g, tile, sums, 0, x.groupSum(g, units), y, yo, scales);
        }
    }

    /** Sums up a group of a tile, sixteen outputs a vector; those of outputs {@code 16k …} are summed 256^k fold. */
    private static void nibbles(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] sums) {
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(8);
        IntVector mask2 = Lanes.nibbleMask(16);
        IntVector mask3 = Lanes.nibbleMask(24);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            IntVector v = Lanes.nibbleInts(data, base + index[k] * stride, 0);
            a0 = Lanes.nibbles(v, mask0).fma(xv, a0);
            a1 = Lanes.nibbles(v, mask1).fma(xv, a1);
            a2 = Lanes.nibbles(v, mask2).fma(xv, a2);
            a3 = Lanes.nibbles(v, mask3).fma(xv, a3);
        }
        a0.intoArray(sums, 0);
        a1.mul(0x1p-8f).intoArray(sums, 16);
        a2.mul(0x1p-16f).intoArray(sums, 32);
        a3.mul(0x1p-24f).intoArray(sums, 48);
    }

    /**
     * The same of shorter vectors from int {@code h} on.
     *
     * @param nibble 15; masks of a constant would be loaded again with every use
     */
    private static void nibbles(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] sums,
            int h, int nibble) {
        IntVector mask0 = IntVector.broadcast(Lanes.I, nibble);
        IntVector mask1 = mask0.lanewise(VectorOperators.LSHL, 8);
        IntVector mask2 = mask0.lanewise(VectorOperators.LSHL, 16);
        IntVector mask3 = mask0.lanewise(VectorOperators.LSHL, 24);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            IntVector v = Lanes.ints(data, base + index[k] * stride);
            a0 = Lanes.nibbles(v, mask0).fma(xv, a0);
            a1 = Lanes.nibbles(v, mask1).fma(xv, a1);
            a2 = Lanes.nibbles(v, mask2).fma(xv, a2);
            a3 = Lanes.nibbles(v, mask3).fma(xv, a3);
            IntVector u = v.lanewise(VectorOperators.LSHR, 4);
            b0 = Lanes.nibbles(u, mask0).fma(xv, b0);
            b1 = Lanes.nibbles(u, mask1).fma(xv, b1);
            b2 = Lanes.nibbles(u, mask2).fma(xv, b2);
            b3 = Lanes.nibbles(u, mask3).fma(xv, b3);
        }
        a0.intoArray(sums, h);
        a1.mul(0x1p-8f).intoArray(sums, h + 16);
        a2.mul(0x1p-16f).intoArray(sums, h + 32);
        a3.mul(0x1p-24f).intoArray(sums, h + 48);
        b0.intoArray(sums, h + 8);
        b1.mul(0x1p-8f).intoArray(sums, h + 24);
        b2.mul(0x1p-16f).intoArray(sums, h + 40);
        b3.mul(0x1p-24f).intoArray(sums, h + 56);
    }

    private static void brainFloats(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        long base = w.tileOffset(tile, g0);
        if (N == 16) {
            brainFloats(w.data, base, w.stride(), x.index, x.value, first, end, y, yo);
            return;
        }
        for (int h = 0; h < 16; h += 2 * N) {
            brainFloats(w.data, base + 4 * h, w.stride(), x.index, x.value, first, end, y, yo + h, yo + h + 32);
        }
    }

    /** Adds to a tile, whose 64 outputs are two vectors of ints. */
    private static void brainFloats(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] y,
            int yo) {
        FloatVector y0 = FloatVector.fromArray(F, y, yo);
        FloatVector y1 = FloatVector.fromArray(F, y, yo + 16);
        FloatVector y2 = FloatVector.fromArray(F, y, yo + 32);
        FloatVector y3 = FloatVector.fromArray(F, y, yo + 48);
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            long p = base + index[k] * stride;
            IntVector v = Lanes.ints(data, p);
            IntVector u = Lanes.ints(data, p + 64);
            y0 = Lanes.lowBrainFloats(v).fma(xv, y0);
            y1 = Lanes.highBrainFloats(v).fma(xv, y1);
            y2 = Lanes.lowBrainFloats(u).fma(xv, y2);
            y3 = Lanes.highBrainFloats(u).fma(xv, y3);
        }
        y0.intoArray(y, yo);
        y1.intoArray(y, yo + 16);
        y2.intoArray(y, yo + 32);
        y3.intoArray(y, yo + 48);
    }

    /** The same of four shorter vectors of ints, whose outputs are {@code yo …} and {@code yo2 …}. */
    private static void brainFloats(
            MemorySegment data, long base, long stride, int[] index, float[] value, int first, int end, float[] y,
            int yo, int yo2) {
        FloatVector y0 = FloatVector.fromArray(F, y, yo);
        FloatVector y1 = FloatVector.fromArray(F, y, yo + 16);
        FloatVector y2 = FloatVector.fromArray(F, y, yo + N);
        FloatVector y3 = FloatVector.fromArray(F, y, yo + N + 16);
        FloatVector z0 = FloatVector.fromArray(F, y, yo2);
        FloatVector z1 = FloatVector.fromArray(F, y, yo2 + 16);
        FloatVector z2 = FloatVector.fromArray(F, y, yo2 + N);
        FloatVector z3 = FloatVector.fromArray(F, y, yo2 + N + 16);
        for (int k = first; k < end; k++) {
            FloatVector xv = FloatVector.broadcast(F, value[k]);
            long p = base + index[k] * stride;
            IntVector v = Lanes.ints(data, p);
            y0 = Lanes.lowBrainFloats(v).fma(xv, y0);
            y1 = Lanes.highBrainFloats(v).fma(xv, y1);
            v = Lanes.ints(data, p + 4 * N);
            y2 = Lanes.lowBrainFloats(v).fma(xv, y2);
            y3 = Lanes.highBrainFloats(v).fma(xv, y3);
            v = Lanes.ints(data, p + 64);
            z0 = Lanes.lowBrainFloats(v).fma(xv, z0);
            z1 = Lanes.highBrainFloats(v).fma(xv, z1);
            v = Lanes.ints(data, p + 64 + 4 * N);
            z2 = Lanes.lowBrainFloats(v).fma(xv, z2);
            z3 = Lanes.highBrainFloats(v).fma(xv, z3);
        }
        y0.intoArray(y, yo);
        y1.intoArray(y, yo + 16);
        y2.intoArray(y, yo + N);
        y3.intoArray(y, yo + N + 16);
        z0.intoArray(y, yo2);
        z1.intoArray(y, yo2 + 16);
        z2.intoArray(y, yo2 + N);
        z3.intoArray(y, yo2 + N + 16);
    }

    private static void halves(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        for (int h = 0; h < 16; h += N) {
            long base = w.tileOffset(tile, g0) + 4 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + 16);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 32);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 48);
            for (int k = first; k < end; k++) {
                FloatVector xv = FloatVector.broadcast(F, x.value[k]);
                long p = base + x.index[k] * stride;
                IntVector v = Lanes.ints(data, p);
                IntVector u = Lanes.ints(data, p + 64);
                y0 = Lanes.lowHalves(v).fma(xv, y0);
                y1 = Lanes.highHalves(v).fma(xv, y1);
                y2 = Lanes.lowHalves(u).fma(xv, y2);
                y3 = Lanes.highHalves(u).fma(xv, y3);
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + 16);
            y2.intoArray(y, yo + h + 32);
            y3.intoArray(y, yo + h + 48);
        }
    }

    private static void floats(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        for (int h = 0; h < TILE; h += 4 * N) {
            long base = w.tileOffset(tile, g0) + 4 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = first; k < end; k++) {
                FloatVector xv = FloatVector.broadcast(F, x.value[k]);
                long p = base + x.index[k] * stride;
                y0 = Lanes.floats(data, p).fma(xv, y0);
                y1 = Lanes.floats(data, p + 4 * N).fma(xv, y1);
                y2 = Lanes.floats(data, p + 8 * N).fma(xv, y2);
                y3 = Lanes.floats(data, p + 12 * N).fma(xv, y3);
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + N);
            y2.intoArray(y, yo + h + 2 * N);
            y3.intoArray(y, yo + h + 3 * N);
        }
    }
}
