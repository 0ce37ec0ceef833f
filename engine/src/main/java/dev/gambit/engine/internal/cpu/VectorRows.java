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
        RowStrips strips = w.strips;
        boolean half = w.scaling == PackedMatrix.Scaling.HALF;
        float[] scratch = w.plane.quantised() ? new float[strips.count * RowStrips.LANES] : null;
        for (int k = 0; k < n; k++) {
            long record = rows[k] * strips.recordBytes;
            out[k] = switch (w.plane) {
                case I8 ->
                    half && !w.hasMin ? bytes(w.data, record, strips, x) : bytes(w, rows[k], x, sums, scratch);
                case U4 ->
                    !half
                            ? nibbles(w, rows[k], x, sums, scratch)
                            : w.hasMin
                                    ? nibblesWithMin(w.data, record, strips, x, sums)
                            : nibblesWithZero(w.data, record, strips, x, sums, w.zero);
                case BF16 -> brainFloats(w.data, record, x, strips.preparedLength);
                case F16 -> halves(w.data, record, x, strips.preparedLength);
                case F32 -> floats(w.data, record, x, strips.preparedLength);
            };
        }
    }

    private static float bytes(MemorySegment data, long record, RowStrips strips, float[] x) {
        FloatVector total = FloatVector.zero(F);
        long scales = record + strips.planeBytes;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                total = byteStrip(data, record + base + h, x, base + h, steps)
                        .fma(Lanes.halves(data, scales + 2 * (s * RowStrips.LANES + h)), total);
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    private static float nibblesWithZero(
            MemorySegment data, long record, RowStrips strips, float[] x, float[] sums, float zero) {
        FloatVector total = FloatVector.zero(F);
        FloatVector minus = FloatVector.broadcast(F, -zero);
        long scales = record + strips.planeBytes;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                int lane = s * RowStrips.LANES + h;
                total = nibbleStrip(data, record + base / 2 + 2 * h, x, base + h, steps)
                        .add(FloatVector.fromArray(F, sums, lane).mul(minus))
                        .fma(Lanes.halves(data, scales + 2 * lane), total);
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    private static float nibblesWithMin(MemorySegment data, long record, RowStrips strips, float[] x, float[] sums) {
        FloatVector total = FloatVector.zero(F);
        long scales = record + strips.planeBytes;
        long mins = scales + 2L * strips.count * RowStrips.LANES;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                int lane = s * RowStrips.LANES + h;
                total = nibbleStrip(data, record + base / 2 + 2 * h, x, base + h, steps)
                        .fma(Lanes.halves(data, scales + 2 * lane), total);
                total = Lanes.halves(data, mins + 2 * lane).fma(FloatVector.fromArray(F, sums, lane), total);
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    /** Any scales and minima, by way of an array. */
    private static float bytes(PackedMatrix w, int row, float[] x, float[] sums, float[] scratch) {
        scales(w, w.strips.scaleOffset(row), 1f, scratch);
        float dot = bytes(w, row * w.strips.recordBytes, x, scratch);
        return w.hasMin ? dot + offset(w, row, sums, scratch) : dot;
    }

    private static float nibbles(PackedMatrix w, int row, float[] x, float[] sums, float[] scratch) {
        scales(w, w.strips.scaleOffset(row), 1f, scratch);
        float dot = nibbles(w, row * w.strips.recordBytes, x, scratch);
        return dot + offset(w, row, sums, scratch);
    }

    private static float bytes(PackedMatrix w, long record, float[] x, float[] scales) {
        RowStrips strips = w.strips;
        FloatVector total = FloatVector.zero(F);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                total = byteStrip(w.data, record + base + h, x, base + h, steps)
                        .fma(FloatVector.fromArray(F, scales, s * RowStrips.LANES + h), total);
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    private static float nibbles(PackedMatrix w, long record, float[] x, float[] scales) {
        RowStrips strips = w.strips;
        FloatVector total = FloatVector.zero(F);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                total = nibbleStrip(w.data, record + base / 2 + 2 * h, x, base + h, steps)
                        .fma(FloatVector.fromArray(F, scales, s * RowStrips.LANES + h), total);
            }
            base += steps * RowStrips.LANES;
        }
        return Lanes.sum(total);
    }

    /** What zero point and minima add: {@code Σ sum · (min - zero · scale)}. */
    private static float offset(PackedMatrix w, int row, float[] sums, float[] scratch) {
        int n = w.strips.count * RowStrips.LANES;
        float result = w.zero == 0 ? 0f : -w.zero * dot(scratch, sums, n);
        if (w.hasMin) {
            scales(w, w.strips.minOffset(row), 1f, scratch);
            result += dot(scratch, sums, n);
        }
        return result;
    }

    private static float dot(float[] a, float[] b, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < n; i += N) {
            sum = FloatVector.fromArray(F, a, i).fma(FloatVector.fromArray(F, b, i), sum);
        }
        return Lanes.sum(sum);
    }

    private static void scales(PackedMatrix w, long offset, float factor, float[] out) {
        int n = w.strips.count * RowStrips.LANES;
        if (w.strips.scaleBytes == 2) {
            for (int i = 0; i < n; i += N) {
                Lanes.halves(w.data, offset + 2 * i).mul(factor).intoArray(out, i);
            }
        } else {
            for (int i = 0; i < n; i += N) {
                Lanes.floats(w.data, offset + 4 * i).mul(factor).intoArray(out, i);
            }
        }
    }

    /** Writes a row as floats in strip order. */
    static void dequantise(PackedMatrix w, int row, float[] out, float[] scales, float[] mins) {
        RowStrips strips = w.strips;
        scales(w, strips.scaleOffset(row), 1f, scales);
        java.util.Arrays.fill(mins, 0f);
        if (w.hasMin) {
            scales(w, strips.minOffset(row), 1f, mins);
        }
        long record = row * strips.recordBytes;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                int lane = s * RowStrips.LANES + h;
                if (w.plane == Plane.I8) {
                    byteStripOut(w.data, record + base + h, steps, scales, mins, lane, out, base + h);
                } else {
                    nibbleStripOut(w.data, record + base / 2 + 2 * h, steps, w.zero, scales, mins, lane, out, base + h);
                }
            }
            base += steps * RowStrips.LANES;
        }
    }

    private static void byteStripOut(
            MemorySegment data, long p, int steps, float[] scales, float[] mins, int lane, float[] out, int at) {
        FloatVector scale = FloatVector.fromArray(F, scales, lane);
        FloatVector min = FloatVector.fromArray(F, mins, lane);
        for (int t = 0; t < steps; t++) {
            Lanes.bytes(data, p + t * RowStrips.LANES).fma(scale, min).intoArray(out, at + t * RowStrips.LANES);
        }
    }

    private static void nibbleStripOut(
            MemorySegment data,
            long p,
            int steps,
            int zero,
            float[] scales,
            float[] mins,
            int lane,
            float[] out,
            int at) {
        FloatVector scale = FloatVector.fromArray(F, scales, lane);
        FloatVector min = scale.mul(-zero).add(FloatVector.fromArray(F, mins, lane));
        for (int k = 0; k < 4; k++) {
            IntVector mask = Lanes.nibbleMask(k);
            FloatVector factor = scale.mul(1f / (1 << 4 * k));
            for (int t = 0; t < steps; t += 4) {
                Lanes.nibbles(Lanes.words(data, p + t * (RowStrips.LANES / 2)), mask)
                        .fma(factor, min)
                        .intoArray(out, at + (t + k) * RowStrips.LANES);
            }
        }
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
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(1);
        IntVector mask2 = Lanes.nibbleMask(2);
        IntVector mask3 = Lanes.nibbleMask(3);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int t = 0; t < steps; t += 4) {
            int o = xo + t * RowStrips.LANES;
            IntVector v = Lanes.words(data, p + t * (RowStrips.LANES / 2));
            a0 = Lanes.nibbles(v, mask0).fma(FloatVector.fromArray(F, x, o), a0);
            a1 = Lanes.nibbles(v, mask1).fma(FloatVector.fromArray(F, x, o + 16), a1);
            a2 = Lanes.nibbles(v, mask2).fma(FloatVector.fromArray(F, x, o + 32), a2);
            a3 = Lanes.nibbles(v, mask3).fma(FloatVector.fromArray(F, x, o + 48), a3);
        }
        // nibble k was summed 16^k fold
        return a3.mul(0x1p-4f).add(a2).mul(0x1p-4f).add(a1).mul(0x1p-4f).add(a0);
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
