package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Products with column-wise packed matrices: {@code y += Σ x[i] · W[:, i]} over the kept inputs. Outputs are the lanes, so
 * there is no horizontal sum; the integers of a group's kept columns are summed first and meet their scale once. Four
 * accumulators of a tile stay in registers.
 */
final class VectorColumns {

    /** Groups a wide panel is walked through at a time, so that a kept column is read in one run. */
    private static final int WIDE_GROUPS = 1;

    private VectorColumns() {}

    /**
     * Adds the product of groups {@code g0 … g1-1} to the outputs of tiles {@code t0 … t1-1}.
     *
     * @param y receives output {@code o} at {@code yOffset + o}
     */
    static void multiply(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        int step = w.panel == PackedMatrix.TILE ? g1 - g0 : WIDE_GROUPS;
        for (int g = g0; g < g1; g += step) {
            int end = Math.min(g1, g + step);
            for (int t = t0; t < t1; t++) {
                switch (w.plane) {
                    case I8 -> bytes(w, x, g, end, t, y, yOffset + t * PackedMatrix.TILE);
                    case U4 -> nibbles(w, x, g, end, t, y, yOffset + t * PackedMatrix.TILE);
                    case BF16 -> brainFloats(w, x, g, end, t, y, yOffset + t * PackedMatrix.TILE);
                    case F16 -> halves(w, x, g, end, t, y, yOffset + t * PackedMatrix.TILE);
                    default -> floats(w, x, g, end, t, y, yOffset + t * PackedMatrix.TILE);
                }
            }
        }
    }

    private static void bytes(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int units = w.group / Kept.UNIT;
        int[] index = x.index;
        float[] value = x.value;
        for (int h = 0; h < PackedMatrix.TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int g = g0; g < g1; g++) {
                int end = x.start[(g + 1) * units];
                int k = x.start[g * units];
                if (k == end) {
                    continue;
                }
                FloatVector a0 = FloatVector.zero(F);
                FloatVector a1 = a0;
                FloatVector a2 = a0;
                FloatVector a3 = a0;
                for (; k < end; k++) {
                    FloatVector xv = FloatVector.broadcast(F, value[k]);
                    long p = base + index[k] * stride;
                    a0 = Lanes.bytes(data, p).fma(xv, a0);
                    a1 = Lanes.bytes(data, p + N).fma(xv, a1);
                    a2 = Lanes.bytes(data, p + 2 * N).fma(xv, a2);
                    a3 = Lanes.bytes(data, p + 3 * N).fma(xv, a3);
                }
                int o = tile * PackedMatrix.TILE + h;
                y0 = scale(w, g, o).fma(a0, y0);
                y1 = scale(w, g, o + N).fma(a1, y1);
                y2 = scale(w, g, o + 2 * N).fma(a2, y2);
                y3 = scale(w, g, o + 3 * N).fma(a3, y3);
                if (w.hasMin) {
                    FloatVector s = FloatVector.broadcast(F, groupSum(x, g, units));
                    y0 = min(w, g, o).fma(s, y0);
                    y1 = min(w, g, o + N).fma(s, y1);
                    y2 = min(w, g, o + 2 * N).fma(s, y2);
                    y3 = min(w, g, o + 3 * N).fma(s, y3);
                }
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + N);
            y2.intoArray(y, yo + h + 2 * N);
            y3.intoArray(y, yo + h + 3 * N);
        }
    }

    private static void nibbles(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int units = w.group / Kept.UNIT;
        int[] index = x.index;
        float[] value = x.value;
        // What the integers' 1 + q/16 adds to a sum, and the zero point, both in units of the sum of inputs.
        float offset = -(16f + w.zero);
        for (int h = 0; h < 16; h += N) {
            long base = w.tileOffset(tile) + 2 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + 16);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 32);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 48);
            for (int g = g0; g < g1; g++) {
                int end = x.start[(g + 1) * units];
                int k = x.start[g * units];
                if (k == end) {
                    continue;
                }
                FloatVector a0 = FloatVector.zero(F);
                FloatVector a1 = a0;
                FloatVector a2 = a0;
                FloatVector a3 = a0;
                for (; k < end; k++) {
                    FloatVector xv = FloatVector.broadcast(F, value[k]);
                    IntVector v = Lanes.words(data, base + index[k] * stride);
                    a0 = Lanes.nibbles(v, 0).fma(xv, a0);
                    a1 = Lanes.nibbles(v, 1).fma(xv, a1);
                    a2 = Lanes.nibbles(v, 2).fma(xv, a2);
                    a3 = Lanes.nibbles(v, 3).fma(xv, a3);
                }
                int o = tile * PackedMatrix.TILE + h;
                FloatVector sum = FloatVector.broadcast(F, groupSum(x, g, units));
                FloatVector c = sum.mul(offset);
                FloatVector sixteen = FloatVector.broadcast(F, 16f);
                y0 = scale(w, g, o).fma(a0.fma(sixteen, c), y0);
                y1 = scale(w, g, o + 16).fma(a1.fma(sixteen, c), y1);
                y2 = scale(w, g, o + 32).fma(a2.fma(sixteen, c), y2);
                y3 = scale(w, g, o + 48).fma(a3.fma(sixteen, c), y3);
                if (w.hasMin) {
                    y0 = min(w, g, o).fma(sum, y0);
                    y1 = min(w, g, o + 16).fma(sum, y1);
                    y2 = min(w, g, o + 32).fma(sum, y2);
                    y3 = min(w, g, o + 48).fma(sum, y3);
                }
            }
            y0.intoArray(y, yo + h);
            y1.intoArray(y, yo + h + 16);
            y2.intoArray(y, yo + h + 32);
            y3.intoArray(y, yo + h + 48);
        }
    }

    private static float groupSum(Kept x, int g, int units) {
        return units == 1 ? x.sum[g] : x.sum[2 * g] + x.sum[2 * g + 1];
    }

    /** The scales of group {@code g} for outputs {@code o … o+N-1}. */
    static FloatVector scale(PackedMatrix w, int g, int o) {
        return scale(w, w.scales, w.superScales, g, o);
    }

    static FloatVector min(PackedMatrix w, int g, int o) {
        return scale(w, w.mins, w.superMins, g, o);
    }

    private static FloatVector scale(PackedMatrix w, MemorySegment fine, MemorySegment coarse, int g, int o) {
        long at = (long) g * w.paddedOutputs + o;
        if (w.scaling == Scaling.HALF) {
            return Lanes.halves(fine, at * 2);
        }
        long big = (long) (g * w.group / 256) * w.paddedOutputs + o;
        return Lanes.bytes(fine, at).mul(Lanes.halves(coarse, big * 2));
    }

    private static void brainFloats(PackedMatrix w, Kept x, int g0, int g1, int tile, float[] y, int yo) {
        MemorySegment data = w.data;
        long stride = w.stride();
        int end = x.start[Math.min(g1 * 2, (w.inputs + 15) / 16)];
        for (int h = 0; h < PackedMatrix.TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 2 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = x.start[g0 * 2]; k < end; k++) {
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
        int end = x.start[Math.min(g1 * 2, (w.inputs + 15) / 16)];
        for (int h = 0; h < PackedMatrix.TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 2 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = x.start[g0 * 2]; k < end; k++) {
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
        int end = x.start[Math.min(g1 * 2, (w.inputs + 15) / 16)];
        for (int h = 0; h < PackedMatrix.TILE; h += 4 * N) {
            long base = w.tileOffset(tile) + 4 * h;
            FloatVector y0 = FloatVector.fromArray(F, y, yo + h);
            FloatVector y1 = FloatVector.fromArray(F, y, yo + h + N);
            FloatVector y2 = FloatVector.fromArray(F, y, yo + h + 2 * N);
            FloatVector y3 = FloatVector.fromArray(F, y, yo + h + 3 * N);
            for (int k = x.start[g0 * 2]; k < end; k++) {
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
