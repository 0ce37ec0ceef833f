package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Products with column-wise packed matrices: {@code y += Σ x[i] · W[:, i]} over the kept inputs. Outputs are the lanes, so
 * there is no horizontal sum; the integers of a group's kept columns are summed first and meet their scale once. Four
 * accumulators of a tile stay in registers.
 *
 * <p>Two habits keep vectors in registers instead of boxes on the heap, here and in the other vector kernels. No vector
 * comes out of a branch or a switch, or crosses a call that C2 may not inline: what has to, goes through a small array.
 * And the hot loop comes first in a short method of its own, because C2 stops inlining when a method has grown too large.
 */
final class VectorColumns {

    private static final int TILE = PackedMatrix.TILE;

    private VectorColumns() {}

    /**
     * Adds the product of groups {@code g0 … g1-1} to the outputs of tiles {@code t0 … t1-1}.
     *
     * @param y receives output {@code o} at {@code yOffset + o}
     */
    static void multiply(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        float[] sums = w.plane.quantised() ? new float[TILE] : null;
        float[] scales = w.plane.quantised() ? new float[TILE] : null;
        // A narrow panel is one stream through all groups; a wide one is walked group by group, its kept columns side by
        // side, so that each is read in one run.
        int step = w.panel == TILE ? Math.max(1, g1 - g0) : 1;
        for (int g = g0; g < g1; g += step) {
            int end = Math.min(g1, g + step);
            for (int t = t0; t < t1; t++) {
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
    }

    private static void bytes(
            PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo, float[] sums, float[] scales) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int units = w.group / Kept.UNIT;
        int[] index = x.index;
        float[] value = x.value;
        long base = w.tileOffset(tile);
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            for (int h = 0; h < TILE; h += 4 * N) {
                FloatVector a0 = FloatVector.zero(F);
                FloatVector a1 = a0;
                FloatVector a2 = a0;
                FloatVector a3 = a0;
                for (int k = first; k < end; k++) {
                    FloatVector xv = FloatVector.broadcast(F, value[k]);
                    long p = base + h + index[k] * stride;
                    a0 = Lanes.bytes(data, p).fma(xv, a0);
                    a1 = Lanes.bytes(data, p + N).fma(xv, a1);
                    a2 = Lanes.bytes(data, p + 2 * N).fma(xv, a2);
                    a3 = Lanes.bytes(data, p + 3 * N).fma(xv, a3);
                }
                a0.intoArray(sums, h);
                a1.intoArray(sums, h + N);
                a2.intoArray(sums, h + 2 * N);
                a3.intoArray(sums, h + 3 * N);
            }
            GroupScales.add(w, g, tile, sums, 0, groupSum(x, g, units), y, yo, scales);
        }
    }

    private static float groupSum(Kept x, int g, int units) {
        return units == 1 ? x.sum[g] : x.sum[2 * g] + x.sum[2 * g + 1];
    }

    private static void nibbles(
            PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo, float[] sums, float[] scales) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int units = w.group / Kept.UNIT;
        int[] index = x.index;
        float[] value = x.value;
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(1);
        IntVector mask2 = Lanes.nibbleMask(2);
        IntVector mask3 = Lanes.nibbleMask(3);
        long base = w.tileOffset(tile);
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            for (int h = 0; h < 16; h += N) {
                FloatVector a0 = FloatVector.zero(F);
                FloatVector a1 = a0;
                FloatVector a2 = a0;
                FloatVector a3 = a0;
                for (int k = first; k < end; k++) {
                    FloatVector xv = FloatVector.broadcast(F, value[k]);
                    IntVector v = Lanes.words(data, base + 2 * h + index[k] * stride);
                    a0 = Lanes.nibbles(v, mask0).fma(xv, a0);
                    a1 = Lanes.nibbles(v, mask1).fma(xv, a1);
                    a2 = Lanes.nibbles(v, mask2).fma(xv, a2);
                    a3 = Lanes.nibbles(v, mask3).fma(xv, a3);
                }
                // nibble k was summed 16^k fold
                a0.intoArray(sums, h);
                a1.mul(0x1p-4f).intoArray(sums, h + 16);
                a2.mul(0x1p-8f).intoArray(sums, h + 32);
                a3.mul(0x1p-12f).intoArray(sums, h + 48);
            }
            GroupScales.add(w, g, tile, sums, 0, groupSum(x, g, units), y, yo, scales);
        }
    }

    private static void brainFloats(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        for (int h = 0; h < TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 2 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = first; k < end; k++) {
                FloatVector xv = FloatVector.broadcast(F, x.value[k]);
                long p = base + x.index[k] * stride;
                y0 = Lanes.brainFloats(data, p).fma(xv, y0);
                y1 = Lanes.brainFloats(data, p + 2 * N).fma(xv, y1);
                y2 = Lanes.brainFloats(data, p + 4 * N).fma(xv, y2);
                y3 = Lanes.brainFloats(data, p + 6 * N).fma(xv, y3);
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + N);
            y2.intoArray(y, yo + h + 2 * N);
            y3.intoArray(y, yo + h + 3 * N);
        }
    }

    private static void halves(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        for (int h = 0; h < TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 2 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = first; k < end; k++) {
                FloatVector xv = FloatVector.broadcast(F, x.value[k]);
                long p = base + x.index[k] * stride;
                y0 = Lanes.halves(data, p).fma(xv, y0);
                y1 = Lanes.halves(data, p + 2 * N).fma(xv, y1);
                y2 = Lanes.halves(data, p + 4 * N).fma(xv, y2);
                y3 = Lanes.halves(data, p + 6 * N).fma(xv, y3);
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + N);
            y2.intoArray(y, yo + h + 2 * N);
            y3.intoArray(y, yo + h + 3 * N);
        }
    }

    private static void floats(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int first = x.start[g0 * 2];
        int end = x.start[g1 * 2];
        for (int h = 0; h < TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 4 * h;
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
