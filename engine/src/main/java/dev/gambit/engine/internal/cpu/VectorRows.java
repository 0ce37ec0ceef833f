package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Dot products with the chosen rows of a row-wise packed matrix; see {@link RowStrips} for the order of things. */
final class VectorRows {

    /** Rows that take turns: as many streams as a processor's prefetchers follow well. */
    private static final int ROWS = 8;

    private VectorRows() {}

    /**
     * Computes {@code out[k] = W[rows[k], :] · x} for {@code k < n}. A few inputs at a time stay in registers while all rows
     * take their turn, so memory serves many runs side by side, which it does better than one after the other, and the only
     * loop is a long one over rows.
     *
     * @param x the input in strip order, and {@code sums} its lanes' sums; see {@link RowStrips#prepare}
     */
    static void multiply(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        long[] at = new long[Math.min(n, ROWS)];
        float[] acc = new float[(at.length + 3) / 4 * 4 * RowStrips.LANES];
        float[] totals = w.plane.quantised() ? new float[acc.length] : acc;
        if (w.recordStride > 0) {
            Touch.runs(w.data, w.recordOffset, w.recordStride, rows, 0, n, (int) w.recordStride);
        }
        for (int k = 0; k < n; k += ROWS) {
            int m = Math.min(ROWS, n - k);
            for (int r = 0; r < m; r++) {
                at[r] = w.strips.record(rows[k + r]);
            }
            Arrays.fill(totals, 0f);
            if (w.plane.quantised()) {
                quantised(w, at, m, x, sums, acc, totals);
            } else {
                plain(w, at, m, x, acc);
            }
            for (int r = 0; r < m; r++) {
                out[k + r] = laneSum(totals, r * RowStrips.LANES);
            }
        }
    }

    private static void quantised(
            PackedMatrix w, long[] at, int n, float[] x, float[] sums, float[] acc, float[] totals) {
        RowStrips strips = w.strips;
        boolean bytes = w.plane == Plane.I8;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int end = base + strips.perLane[s] * RowStrips.LANES;
            if (bytes) {
                byteStrip(w.data, at, n, base, end, x, acc);
            } else {
                nibbleStrip(w.data, at, n, base, end, x, acc);
            }
            long scales = strips.planeBytes + (long) s * RowStrips.LANES * strips.scaleBytes;
            long mins = scales + (long) strips.count * RowStrips.LANES * strips.scaleBytes;
            int so = s * RowStrips.LANES;
            if (w.scaling != PackedMatrix.Scaling.HALF) {
                addFloat(w.data, at, n, scales, w.hasMin ? mins : -1, acc, sums, so, totals);
            } else if (w.hasMin) {
                addHalfWithMin(w.data, at, n, scales, mins, acc, sums, so, totals);
            } else {
                addHalf(w.data, at, n, scales, w.zero, acc, sums, so, totals);
            }
            base = end;
        }
    }

    /** Four rows side by side from end to end; the last ones are repeated where there are not four left. */
    private static void plain(PackedMatrix w, long[] at, int n, float[] x, float[] acc) {
        int length = w.strips.preparedLength;
        int last = n - 1;
        for (int r = 0; r < n; r += 4) {
            long p0 = at[r];
            long p1 = at[Math.min(last, r + 1)];
            long p2 = at[Math.min(last, r + 2)];
            long p3 = at[Math.min(last, r + 3)];
            switch (w.plane) {
                case BF16 -> brainFloats(w.data, p0, p1, p2, p3, x, length, acc, r * RowStrips.LANES);
                case F16 -> halves(w.data, p0, p1, p2, p3, x, length, acc, r * RowStrips.LANES);
                default -> floats(w.data, p0, p1, p2, p3, x, length, acc, r * RowStrips.LANES);
            }
        }
    }

    /** Adds 16 floats up, in pairs. */
    private static float laneSum(float[] a, int at) {
        float s0 = (a[at] + a[at + 8]) + (a[at + 4] + a[at + 12]);
        float s1 = (a[at + 1] + a[at + 9]) + (a[at + 5] + a[at + 13]);
        float s2 = (a[at + 2] + a[at + 10]) + (a[at + 6] + a[at + 14]);
        float s3 = (a[at + 3] + a[at + 11]) + (a[at + 7] + a[at + 15]);
        return (s0 + s2) + (s1 + s3);
    }

    /** Adds a strip to the rows' totals, lane by lane: {@code scale · (acc - zero · sum)}. */
    private static void addHalf(
            MemorySegment data,
            long[] at,
            int n,
            long scales,
            float zero,
            float[] acc,
            float[] sums,
            int so,
            float[] totals) {
        for (int h = 0; h < RowStrips.LANES; h += N) {
            FloatVector minus = FloatVector.fromArray(F, sums, so + h).mul(-zero);
            for (int r = 0; r < n; r++) {
                int i = r * RowStrips.LANES + h;
                FloatVector.fromArray(F, acc, i)
                        .add(minus)
                        .fma(Lanes.halves(data, at[r] + scales + 2 * h), FloatVector.fromArray(F, totals, i))
                        .intoArray(totals, i);
            }
        }
    }

    /** The same with minima: {@code scale · acc + min · sum}. */
    private static void addHalfWithMin(
            MemorySegment data,
            long[] at,
            int n,
            long scales,
            long mins,
            float[] acc,
            float[] sums,
            int so,
            float[] totals) {
        for (int h = 0; h < RowStrips.LANES; h += N) {
            FloatVector sum = FloatVector.fromArray(F, sums, so + h);
            for (int r = 0; r < n; r++) {
                int i = r * RowStrips.LANES + h;
                FloatVector t = Lanes.halves(data, at[r] + mins + 2 * h).fma(sum, FloatVector.fromArray(F, totals, i));
                Lanes.halves(data, at[r] + scales + 2 * h).fma(FloatVector.fromArray(F, acc, i), t).intoArray(totals,
                        i);
            }
        }
    }

    private static void addFloat(
            MemorySegment data,
            long[] at,
            int n,
            long scales,
            long mins,
            float[] acc,
            float[] sums,
            int so,
            float[] totals) {
        for (int h = 0; h < RowStrips.LANES; h += N) {
            FloatVector sum = FloatVector.fromArray(F, sums, so + h);
            for (int r = 0; r < n; r++) {
                int i = r * RowStrips.LANES + h;
                Lanes.floats(data, at[r] + scales + 4 * h)
                        .fma(FloatVector.fromArray(F, acc, i), FloatVector.fromArray(F, totals, i))
                        .intoArray(totals, i);
            }
            for (int r = 0; r < n && mins >= 0; r++) {
                int i = r * RowStrips.LANES + h;
                Lanes.floats(data, at[r] + mins + 4 * h)
                        .fma(sum, FloatVector.fromArray(F, totals, i))
                        .intoArray(totals, i);
            }
        }
    }

    /** Sums up a strip of bytes: two vectors at a time, of one row, or, where a vector holds all of its lanes, of two rows. */
    private static void byteStrip(MemorySegment data, long[] at, int n, int base, int end, float[] x, float[] acc) {
        boolean whole = N == RowStrips.LANES;
        for (int r = 0; r < n; r += whole ? 2 : 1) {
            int r1 = whole ? Math.min(n - 1, r + 1) : r;
            for (int h = 0; h < RowStrips.LANES; h += 2 * N) {
                int h1 = whole ? h : h + N;
                bytes(data, at[r] + 4 * h, at[r1] + 4 * h1, base, end, x, h, h1, acc, r * RowStrips.LANES + h,
                        r1 * RowStrips.LANES + h1);
            }
        }
    }

    /** Sums up a strip of nibbles, two rows at a time. */
    private static void nibbleStrip(MemorySegment data, long[] at, int n, int base, int end, float[] x, float[] acc) {
        for (int r = 0; r < n; r += 2) {
            int r1 = Math.min(n - 1, r + 1);
            for (int h = 0; h < RowStrips.LANES; h += N) {
                nibbles(data, at[r] + 2 * h, at[r1] + 2 * h, base, end, x, h, acc, r * RowStrips.LANES + h,
                        r1 * RowStrips.LANES + h);
            }
        }
    }

    /**
     * Sums up the lanes of a strip of which a vector holds the first from {@code p0} on and another one from {@code p1} on, whose
     * inputs are from {@code h0} and {@code h1} on; a step is the four bytes of an int.
     */
    private static void bytes(
            MemorySegment data, long p0, long p1, int base, int end, float[] x, int h0, int h1, float[] acc, int to0,
            int to1) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        for (int i = base; i < end; i += 4 * RowStrips.LANES) {
            IntVector v = Lanes.ints(data, p0 + i);
            a0 = Lanes.byte0(v).fma(FloatVector.fromArray(F, x, i + h0), a0);
            FloatVector b = Lanes.byte1(v).mul(FloatVector.fromArray(F, x, i + h0 + 16));
            a0 = Lanes.byte2(v).fma(FloatVector.fromArray(F, x, i + h0 + 32), a0);
            b = Lanes.byte3(v).fma(FloatVector.fromArray(F, x, i + h0 + 48), b);
            a0 = a0.add(b);
            v = Lanes.ints(data, p1 + i);
            a1 = Lanes.byte0(v).fma(FloatVector.fromArray(F, x, i + h1), a1);
            b = Lanes.byte1(v).mul(FloatVector.fromArray(F, x, i + h1 + 16));
            a1 = Lanes.byte2(v).fma(FloatVector.fromArray(F, x, i + h1 + 32), a1);
            b = Lanes.byte3(v).fma(FloatVector.fromArray(F, x, i + h1 + 48), b);
            a1 = a1.add(b);
        }
        a0.mul(Lanes.BYTE_UNIT).intoArray(acc, to0);
        a1.mul(Lanes.BYTE_UNIT).intoArray(acc, to1);
    }

    /** The same of nibbles; a step is the four of a word, and nibble {@code k} comes out {@code 16^k} fold. */
    private static void nibbles(
            MemorySegment data, long p0, long p1, int base, int end, float[] x, int h, float[] acc, int to0, int to1) {
        IntVector mask0 = Lanes.nibbleMask(0);
        IntVector mask1 = Lanes.nibbleMask(4);
        IntVector mask2 = Lanes.nibbleMask(8);
        IntVector mask3 = Lanes.nibbleMask(12);
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        for (int i = base; i < end; i += 4 * RowStrips.LANES) {
            FloatVector x0 = FloatVector.fromArray(F, x, i + h);
            FloatVector x1 = FloatVector.fromArray(F, x, i + h + 16).mul(0x1p-4f);
            FloatVector x2 = FloatVector.fromArray(F, x, i + h + 32).mul(0x1p-8f);
            FloatVector x3 = FloatVector.fromArray(F, x, i + h + 48).mul(0x1p-12f);
            long d = i / 2;
            IntVector v = Lanes.words(data, p0 + d);
            a0 = Lanes.nibbles(v, mask0).fma(x0, a0);
            FloatVector b = Lanes.nibbles(v, mask1).mul(x1);
            a0 = Lanes.nibbles(v, mask2).fma(x2, a0);
            b = Lanes.nibbles(v, mask3).fma(x3, b);
            a0 = a0.add(b);
            v = Lanes.words(data, p1 + d);
            a1 = Lanes.nibbles(v, mask0).fma(x0, a1);
            b = Lanes.nibbles(v, mask1).mul(x1);
            a1 = Lanes.nibbles(v, mask2).fma(x2, a1);
            b = Lanes.nibbles(v, mask3).fma(x3, b);
            a1 = a1.add(b);
        }
        a0.intoArray(acc, to0);
        a1.intoArray(acc, to1);
    }

    private static void brainFloats(
            MemorySegment data, long p0, long p1, long p2, long p3, float[] x, int length, float[] acc, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < length; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, i);
            long d = 2L * i;
            a0 = Lanes.brainFloats(data, p0 + d).fma(v, a0);
            a1 = Lanes.brainFloats(data, p1 + d).fma(v, a1);
            a2 = Lanes.brainFloats(data, p2 + d).fma(v, a2);
            a3 = Lanes.brainFloats(data, p3 + d).fma(v, a3);
        }
        a0.intoArray(acc, at);
        a1.intoArray(acc, at + RowStrips.LANES);
        a2.intoArray(acc, at + 2 * RowStrips.LANES);
        a3.intoArray(acc, at + 3 * RowStrips.LANES);
    }

    private static void halves(
            MemorySegment data, long p0, long p1, long p2, long p3, float[] x, int length, float[] acc, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < length; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, i);
            long d = 2L * i;
            a0 = Lanes.halves(data, p0 + d).fma(v, a0);
            a1 = Lanes.halves(data, p1 + d).fma(v, a1);
            a2 = Lanes.halves(data, p2 + d).fma(v, a2);
            a3 = Lanes.halves(data, p3 + d).fma(v, a3);
        }
        a0.intoArray(acc, at);
        a1.intoArray(acc, at + RowStrips.LANES);
        a2.intoArray(acc, at + 2 * RowStrips.LANES);
        a3.intoArray(acc, at + 3 * RowStrips.LANES);
    }

    private static void floats(
            MemorySegment data, long p0, long p1, long p2, long p3, float[] x, int length, float[] acc, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < length; i += N) {
            FloatVector v = FloatVector.fromArray(F, x, i);
            long d = 4L * i;
            a0 = Lanes.floats(data, p0 + d).fma(v, a0);
            a1 = Lanes.floats(data, p1 + d).fma(v, a1);
            a2 = Lanes.floats(data, p2 + d).fma(v, a2);
            a3 = Lanes.floats(data, p3 + d).fma(v, a3);
        }
        a0.intoArray(acc, at);
        a1.intoArray(acc, at + RowStrips.LANES);
        a2.intoArray(acc, at + 2 * RowStrips.LANES);
        a3.intoArray(acc, at + 3 * RowStrips.LANES);
    }

    private static void scales(PackedMatrix w, long offset, float[] out) {
        int n = w.strips.count * RowStrips.LANES;
        if (w.strips.scaleBytes == 2) {
            for (int i = 0; i < n; i += N) {
                Lanes.halves(w.data, offset + 2 * i).intoArray(out, i);
            }
        } else {
            for (int i = 0; i < n; i += N) {
                Lanes.floats(w.data, offset + 4 * i).intoArray(out, i);
            }
        }
    }

    /** Writes a row as floats in strip order. */
    static void dequantise(PackedMatrix w, int row, float[] out, float[] scales, float[] mins) {
        RowStrips strips = w.strips;
        scales(w, strips.scaleOffset(row), scales);
        Arrays.fill(mins, 0f);
        if (w.hasMin) {
            scales(w, strips.minOffset(row), mins);
        }
        long record = strips.record(row);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int steps = strips.perLane[s];
            for (int h = 0; h < RowStrips.LANES; h += N) {
                int lane = s * RowStrips.LANES + h;
                if (w.plane == Plane.I8) {
                    byteStripOut(w.data, record + base + 4 * h, steps, scales, mins, lane, out, base + h);
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
        for (int t = 0; t < steps; t += 4) {
            IntVector v = Lanes.ints(data, p + t * RowStrips.LANES);
            int to = at + t * RowStrips.LANES;
            Lanes.byte0(v).mul(Lanes.BYTE_UNIT).fma(scale, min).intoArray(out, to);
            Lanes.byte1(v).mul(Lanes.BYTE_UNIT).fma(scale, min).intoArray(out, to + RowStrips.LANES);
            Lanes.byte2(v).mul(Lanes.BYTE_UNIT).fma(scale, min).intoArray(out, to + 2 * RowStrips.LANES);
            Lanes.byte3(v).mul(Lanes.BYTE_UNIT).fma(scale, min).intoArray(out, to + 3 * RowStrips.LANES);
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
            IntVector mask = Lanes.nibbleMask(4 * k);
            FloatVector factor = scale.mul(1f / (1 << 4 * k));
            for (int t = 0; t < steps; t += 4) {
                Lanes.nibbles(Lanes.words(data, p + t * (RowStrips.LANES / 2)), mask)
                        .fma(factor, min)
                        .intoArray(out, at + (t + k) * RowStrips.LANES);
            }
        }
    }
}
