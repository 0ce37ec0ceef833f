package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.I;
import static dev.gambit.engine.internal.cpu.Lanes.LE;
import static dev.gambit.engine.internal.cpu.Lanes.N;
import static dev.gambit.engine.internal.cpu.Lanes.S;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The products of {@link VectorColumns} for panels so wide that a kept column is a run worth streaming: four kept columns
 * side by side from end to end, with the sums in the first-level cache instead of registers. Memory sees four long
 * sequential reads, which it serves faster than many short ones.
 */
final class VectorStreams {

    private static final int TILE = PackedMatrix.TILE;

    private VectorStreams() {}

    static void multiply(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        int width = (t1 - t0) * TILE;
        int yo = yOffset + t0 * TILE;
        long base = w.tileOffset(t0);
        if (!w.plane.quantised()) {
            run(w, base, x, x.start[g0 * 2], x.start[g1 * 2], y, yo, width);
            return;
        }
        int units = w.group / Kept.UNIT;
        float[] sums = new float[width];
        float[] scratch = new float[TILE];
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            Arrays.fill(sums, 0f);
            run(w, base, x, first, end, sums, 0, width);
            if (w.plane == Plane.U4) {
                unscale(sums, width);
            } else {
                multiply(sums, width, Lanes.BYTE_UNIT);
            }
            float inputs = units == 1 ? x.sum[g] : x.sum[2 * g] + x.sum[2 * g + 1];
            for (int t = t0; t < t1; t++) {
                GroupScales.add(w, g, t, sums, (t - t0) * TILE, inputs, y, yOffset + t * TILE, scratch);
            }
        }
    }

    /** Adds kept columns {@code first … end-1}, four at a time; the last ones are repeated with an input of zero. */
    private static void run(
            PackedMatrix w, long base, Kept x, int first, int end, float[] sums, int so, int width) {
        switch (w.plane) {
            case U4 -> nibbleColumns(w, base, x, first, end, sums, so, width);
            case I8 -> byteColumns(w, base, x, first, end, sums, so, width);
            default -> floatColumns(w, base, x, first, end, sums, so, width);
        }
    }

    private static void byteColumns(
            PackedMatrix w, long base, Kept x, int first, int end, float[] sums, int so, int width) {
        long stride = w.stride();
        int last = end - 1;
        for (int k = first; k < end; k += 4) {
            bytes(
                    w.data, base + x.index[k] * stride, base + x.index[Math.min(last, k + 1)] * stride,
                    base + x.index[Math.min(last, k + 2)] * stride, base + x.index[Math.min(last, k + 3)] * stride,
                    x.value[k], k + 1 < end ? x.value[k + 1] : 0f, k + 2 < end ? x.value[k + 2] : 0f,
                    k + 3 < end ? x.value[k + 3] : 0f, sums, so, width);
        }
    }

    private static void nibbleColumns(
            PackedMatrix w, long base, Kept x, int first, int end, float[] sums, int so, int width) {
        long stride = w.stride();
        int last = end - 1;
        for (int h = 0; h < 16; h += N) {
            for (int k = first; k < end; k += 2) {
                nibbles(
                        w.data, base + x.index[k] * stride + 2 * h, base + x.index[Math.min(last, k + 1)] * stride + 2
                                * h,
                        x.value[k], k + 1 < end ? x.value[k + 1] : 0f, sums, so + h, width);
            }
        }
    }

    private static void floatColumns(
            PackedMatrix w, long base, Kept x, int first, int end, float[] sums, int so, int width) {
        long stride = w.stride();
        int last = end - 1;
        for (int k = first; k < end; k += 4) {
            long p0 = base + x.index[k] * stride;
            long p1 = base + x.index[Math.min(last, k + 1)] * stride;
            long p2 = base + x.index[Math.min(last, k + 2)] * stride;
            long p3 = base + x.index[Math.min(last, k + 3)] * stride;
            float x0 = x.value[k];
            float x1 = k + 1 < end ? x.value[k + 1] : 0f;
            float x2 = k + 2 < end ? x.value[k + 2] : 0f;
            float x3 = k + 3 < end ? x.value[k + 3] : 0f;
            switch (w.plane) {
                case BF16 -> brainFloats(w.data, p0, p1, p2, p3, x0, x1, x2, x3, sums, so, width);
                case F16 -> halves(w.data, p0, p1, p2, p3, x0, x1, x2, x3, sums, so, width);
                default -> floats(w.data, p0, p1, p2, p3, x0, x1, x2, x3, sums, so, width);
            }
        }
    }

    private static void bytes(
            MemorySegment data,
            long p0,
            long p1,
            long p2,
            long p3,
            float x0,
            float x1,
            float x2,
            float x3,
            float[] y,
            int yo,
            int width) {
        FloatVector v0 = FloatVector.broadcast(F, x0);
        FloatVector v1 = FloatVector.broadcast(F, x1);
        FloatVector v2 = FloatVector.broadcast(F, x2);
        FloatVector v3 = FloatVector.broadcast(F, x3);
        for (int t = 0; t < width; t += TILE) {
            for (int h = 0; h < 16; h += N) {
                int o = yo + t + h;
                IntVector w0 = Lanes.ints(data, p0 + t + 4 * h);
                IntVector w1 = Lanes.ints(data, p1 + t + 4 * h);
                IntVector w2 = Lanes.ints(data, p2 + t + 4 * h);
                IntVector w3 = Lanes.ints(data, p3 + t + 4 * h);
                FloatVector a = Lanes.byte0(w0).fma(v0, FloatVector.fromArray(F, y, o));
                FloatVector b = Lanes.byte0(w1).mul(v1);
                a = Lanes.byte0(w2).fma(v2, a);
                b = Lanes.byte0(w3).fma(v3, b);
                a.add(b).intoArray(y, o);
                a = Lanes.byte1(w0).fma(v0, FloatVector.fromArray(F, y, o + 16));
                b = Lanes.byte1(w1).mul(v1);
                a = Lanes.byte1(w2).fma(v2, a);
                b = Lanes.byte1(w3).fma(v3, b);
                a.add(b).intoArray(y, o + 16);
                a = Lanes.byte2(w0).fma(v0, FloatVector.fromArray(F, y, o + 32));
                b = Lanes.byte2(w1).mul(v1);
                a = Lanes.byte2(w2).fma(v2, a);
                b = Lanes.byte2(w3).fma(v3, b);
                a.add(b).intoArray(y, o + 32);
                a = Lanes.byte3(w0).fma(v0, FloatVector.fromArray(F, y, o + 48));
                b = Lanes.byte3(w1).mul(v1);
                a = Lanes.byte3(w2).fma(v2, a);
                b = Lanes.byte3(w3).fma(v3, b);
                a.add(b).intoArray(y, o + 48);
            }
        }
    }

    /** Two columns at a time. */
    private static void nibbles(
            MemorySegment data, long p0, long p1, float x0, float x1, float[] y, int yo, int width) {
        FloatVector v0 = FloatVector.broadcast(F, x0);
        FloatVector v1 = FloatVector.broadcast(F, x1);
        IntVector mask0 = IntVector.broadcast(I, 0xf);
        IntVector mask1 = IntVector.broadcast(I, 0xf0);
        IntVector mask2 = IntVector.broadcast(I, 0xf00);
        IntVector mask3 = IntVector.broadcast(I, 0xf000);
        for (int t = 0; t < width; t += TILE) {
            long d = t / 2;
            int o = yo + t;
            IntVector w0 = (IntVector) ShortVector.fromMemorySegment(S, data, p0 + d, LE)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
            IntVector w1 = (IntVector) ShortVector.fromMemorySegment(S, data, p1 + d, LE)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
            FloatVector a0 = ((FloatVector) w0.and(mask0).convert(VectorOperators.I2F, 0)).fma(v0, FloatVector
                    .fromArray(F, y, o));
            FloatVector a1 = ((FloatVector) w0.and(mask1).convert(VectorOperators.I2F, 0)).fma(v0, FloatVector
                    .fromArray(F, y, o + 16));
            FloatVector a2 = ((FloatVector) w0.and(mask2).convert(VectorOperators.I2F, 0)).fma(v0, FloatVector
                    .fromArray(F, y, o + 32));
            FloatVector a3 = ((FloatVector) w0.and(mask3).convert(VectorOperators.I2F, 0)).fma(v0, FloatVector
                    .fromArray(F, y, o + 48));
            ((FloatVector) w1.and(mask0).convert(VectorOperators.I2F, 0)).fma(v1, a0).intoArray(y, o);
            ((FloatVector) w1.and(mask1).convert(VectorOperators.I2F, 0)).fma(v1, a1).intoArray(y, o + 16);
            ((FloatVector) w1.and(mask2).convert(VectorOperators.I2F, 0)).fma(v1, a2).intoArray(y, o + 32);
            ((FloatVector) w1.and(mask3).convert(VectorOperators.I2F, 0)).fma(v1, a3).intoArray(y, o + 48);
        }
    }

    /** Nibble {@code k}, outputs {@code 16k … 16k+15} of a tile, was summed {@code 16^k} fold. */
    private static void unscale(float[] sums, int width) {
        for (int t = 0; t < width; t += TILE) {
            for (int h = 0; h < 16; h += N) {
                FloatVector.fromArray(F, sums, t + h + 16).mul(0x1p-4f).intoArray(sums, t + h + 16);
                FloatVector.fromArray(F, sums, t + h + 32).mul(0x1p-8f).intoArray(sums, t + h + 32);
                FloatVector.fromArray(F, sums, t + h + 48).mul(0x1p-12f).intoArray(sums, t + h + 48);
            }
        }
    }

    private static void multiply(float[] sums, int width, float factor) {
        for (int o = 0; o < width; o += N) {
            FloatVector.fromArray(F, sums, o).mul(factor).intoArray(sums, o);
        }
    }

    private static void brainFloats(
            MemorySegment data,
            long p0,
            long p1,
            long p2,
            long p3,
            float x0,
            float x1,
            float x2,
            float x3,
            float[] y,
            int yo,
            int width) {
        FloatVector v0 = FloatVector.broadcast(F, x0);
        FloatVector v1 = FloatVector.broadcast(F, x1);
        FloatVector v2 = FloatVector.broadcast(F, x2);
        FloatVector v3 = FloatVector.broadcast(F, x3);
        for (int t = 0; t < width; t += 32) {
            for (int h = 0; h < 16; h += N) {
                long d = 2L * t + 4 * h;
                int o = yo + t + h;
                IntVector w0 = Lanes.ints(data, p0 + d);
                IntVector w1 = Lanes.ints(data, p1 + d);
                IntVector w2 = Lanes.ints(data, p2 + d);
                IntVector w3 = Lanes.ints(data, p3 + d);
                FloatVector a = Lanes.lowBrainFloats(w0).fma(v0, FloatVector.fromArray(F, y, o));
                FloatVector b = Lanes.lowBrainFloats(w1).mul(v1);
                a = Lanes.lowBrainFloats(w2).fma(v2, a);
                b = Lanes.lowBrainFloats(w3).fma(v3, b);
                a.add(b).intoArray(y, o);
                a = Lanes.highBrainFloats(w0).fma(v0, FloatVector.fromArray(F, y, o + 16));
                b = Lanes.highBrainFloats(w1).mul(v1);
                a = Lanes.highBrainFloats(w2).fma(v2, a);
                b = Lanes.highBrainFloats(w3).fma(v3, b);
                a.add(b).intoArray(y, o + 16);
            }
        }
    }

    private static void halves(
            MemorySegment data,
            long p0,
            long p1,
            long p2,
            long p3,
            float x0,
            float x1,
            float x2,
            float x3,
            float[] y,
            int yo,
            int width) {
        FloatVector v0 = FloatVector.broadcast(F, x0);
        FloatVector v1 = FloatVector.broadcast(F, x1);
        FloatVector v2 = FloatVector.broadcast(F, x2);
        FloatVector v3 = FloatVector.broadcast(F, x3);
        for (int t = 0; t < width; t += 32) {
            for (int h = 0; h < 16; h += N) {
                long d = 2L * t + 4 * h;
                int o = yo + t + h;
                IntVector w0 = Lanes.ints(data, p0 + d);
                IntVector w1 = Lanes.ints(data, p1 + d);
                IntVector w2 = Lanes.ints(data, p2 + d);
                IntVector w3 = Lanes.ints(data, p3 + d);
                FloatVector a = Lanes.lowHalves(w0).fma(v0, FloatVector.fromArray(F, y, o));
                FloatVector b = Lanes.lowHalves(w1).mul(v1);
                a = Lanes.lowHalves(w2).fma(v2, a);
                b = Lanes.lowHalves(w3).fma(v3, b);
                a.add(b).intoArray(y, o);
                a = Lanes.highHalves(w0).fma(v0, FloatVector.fromArray(F, y, o + 16));
                b = Lanes.highHalves(w1).mul(v1);
                a = Lanes.highHalves(w2).fma(v2, a);
                b = Lanes.highHalves(w3).fma(v3, b);
                a.add(b).intoArray(y, o + 16);
            }
        }
    }

    private static void floats(
            MemorySegment data,
            long p0,
            long p1,
            long p2,
            long p3,
            float x0,
            float x1,
            float x2,
            float x3,
            float[] y,
            int yo,
            int width) {
        FloatVector v0 = FloatVector.broadcast(F, x0);
        FloatVector v1 = FloatVector.broadcast(F, x1);
        FloatVector v2 = FloatVector.broadcast(F, x2);
        FloatVector v3 = FloatVector.broadcast(F, x3);
        for (int o = 0; o < width; o += N) {
            long d = 4L * o;
            FloatVector a = Lanes.floats(data, p0 + d).fma(v0, FloatVector.fromArray(F, y, yo + o));
            FloatVector b = Lanes.floats(data, p1 + d).mul(v1);
            a = Lanes.floats(data, p2 + d).fma(v2, a);
            b = Lanes.floats(data, p3 + d).fma(v3, b);
            a.add(b).intoArray(y, yo + o);
        }
    }
}
