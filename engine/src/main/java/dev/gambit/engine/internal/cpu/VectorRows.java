package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Dot products with the chosen rows of a row-wise packed matrix; see {@link RowStrips} for the order of things. */
final class VectorRows {

    private VectorRows() {}

    /**
     * Computes {@code out[k] = W[rows[k], :] · x} for {@code k < n}.
     *
     * @param x the input in strip order, and {@code sums} its lanes' sums; see {@link RowStrips#prepare}
     */
    static void multiply(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        for (int k = 0; k < n; k++) {
            long record = rows[k] * w.strips.recordBytes;
            out[k] = switch (w.plane) {
                case I8, U4 -> quantised(w, x, sums, rows[k]);
                case BF16 -> brainFloats(w.data, record, x, w.strips.preparedLength);
                case F16 -> halves(w.data, record, x, w.strips.preparedLength);
                default -> floats(w.data, record, x, w.strips.preparedLength);
            };
        }
    }

    private static float quantised(PackedMatrix w, float[] x, float[] sums, int row) {
        RowStrips strips = w.strips;
        long at = row * strips.recordBytes;
        long scales = strips.scaleOffset(row);
        long mins = strips.minOffset(row);
        FloatVector total = FloatVector.zero(F);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                FloatVector sum = FloatVector.fromArray(F, sums, s * RowStrips.LANES + h);
                FloatVector dot = w.plane == Plane.I8
                        ? byteStrip(w.data, at + base + h, x, base + h, steps)
                        : nibbleStrip(w.data, at + base / 2 + 2 * h, x, base + h, steps)
                                .fma(FloatVector.broadcast(F, 16f), sum.mul(-(16f + w.zero)));
                long lane = s * RowStrips.LANES + h;
                total = scale(w, scales, lane).fma(dot, total);
                if (w.hasMin) {
                    total = scale(w, mins, lane).fma(sum, total);
                }
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    private static FloatVector scale(PackedMatrix w, long offset, long lane) {
        return w.strips.scaleBytes == 2
                ? Lanes.halves(w.data, offset + lane * 2)
                : Lanes.floats(w.data, offset + lane * 4);
    }

    private static FloatVector byteStrip(MemorySegment data, long p, float[] x, int xo, int steps) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int t = 0;
        for (; t + 3 < steps; t += 4) {
            int o = xo + t * RowStrips.LANES;
            long q = p + t * RowStrips.LANES;
            a0 = Lanes.bytes(data, q).fma(FloatVector.fromArray(F, x, o), a0);
            a1 = Lanes.bytes(data, q + 16).fma(FloatVector.fromArray(F, x, o + 16), a1);
            a2 = Lanes.bytes(data, q + 32).fma(FloatVector.fromArray(F, x, o + 32), a2);
            a3 = Lanes.bytes(data, q + 48).fma(FloatVector.fromArray(F, x, o + 48), a3);
        }
        for (; t < steps; t++) {
            a0 = Lanes.bytes(data, p + t * RowStrips.LANES)
                    .fma(FloatVector.fromArray(F, x, xo + t * RowStrips.LANES), a0);
        }
        return a0.add(a1).add(a2.add(a3));
    }

    private static FloatVector nibbleStrip(MemorySegment data, long p, float[] x, int xo, int steps) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int t = 0; t < steps; t += 4) {
            int o = xo + t * RowStrips.LANES;
            IntVector v = Lanes.words(data, p + t * (RowStrips.LANES / 2));
            a0 = Lanes.nibbles(v, 0).fma(FloatVector.fromArray(F, x, o), a0);
            a1 = Lanes.nibbles(v, 1).fma(FloatVector.fromArray(F, x, o + 16), a1);
            a2 = Lanes.nibbles(v, 2).fma(FloatVector.fromArray(F, x, o + 32), a2);
            a3 = Lanes.nibbles(v, 3).fma(FloatVector.fromArray(F, x, o + 48), a3);
        }
        return a0.add(a1).add(a2.add(a3));
    }

    private static float brainFloats(MemorySegment data, long p, float[] x, int length) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int i = 0;
        for (; i + 4 * N <= length; i += 4 * N) {
            long q = p + 2L * i;
            a0 = Lanes.brainFloats(data, q).fma(FloatVector.fromArray(F, x, i), a0);
            a1 = Lanes.brainFloats(data, q + 2 * N).fma(FloatVector.fromArray(F, x, i + N), a1);
            a2 = Lanes.brainFloats(data, q + 4 * N).fma(FloatVector.fromArray(F, x, i + 2 * N), a2);
            a3 = Lanes.brainFloats(data, q + 6 * N).fma(FloatVector.fromArray(F, x, i + 3 * N), a3);
        }
        for (; i < length; i += N) {
            a0 = Lanes.brainFloats(data, p + 2L * i).fma(FloatVector.fromArray(F, x, i), a0);
        }
        return Lanes.sum(a0.add(a1).add(a2.add(a3)));
    }

    private static float halves(MemorySegment data, long p, float[] x, int length) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int i = 0;
        for (; i + 4 * N <= length; i += 4 * N) {
            long q = p + 2L * i;
            a0 = Lanes.halves(data, q).fma(FloatVector.fromArray(F, x, i), a0);
            a1 = Lanes.halves(data, q + 2 * N).fma(FloatVector.fromArray(F, x, i + N), a1);
            a2 = Lanes.halves(data, q + 4 * N).fma(FloatVector.fromArray(F, x, i + 2 * N), a2);
            a3 = Lanes.halves(data, q + 6 * N).fma(FloatVector.fromArray(F, x, i + 3 * N), a3);
        }
        for (; i < length; i += N) {
            a0 = Lanes.halves(data, p + 2L * i).fma(FloatVector.fromArray(F, x, i), a0);
        }
        return Lanes.sum(a0.add(a1).add(a2.add(a3)));
    }

    private static float floats(MemorySegment data, long p, float[] x, int length) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int i = 0;
        for (; i + 4 * N <= length; i += 4 * N) {
            long q = p + 4L * i;
            a0 = Lanes.floats(data, q).fma(FloatVector.fromArray(F, x, i), a0);
            a1 = Lanes.floats(data, q + 4 * N).fma(FloatVector.fromArray(F, x, i + N), a1);
            a2 = Lanes.floats(data, q + 8 * N).fma(FloatVector.fromArray(F, x, i + 2 * N), a2);
            a3 = Lanes.floats(data, q + 12 * N).fma(FloatVector.fromArray(F, x, i + 3 * N), a3);
        }
        for (; i < length; i += N) {
            a0 = Lanes.floats(data, p + 4L * i).fma(FloatVector.fromArray(F, x, i), a0);
        }
        return Lanes.sum(a0.add(a1).add(a2.add(a3)));
    }
}
