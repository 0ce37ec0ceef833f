package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Dot products with the chosen rows of a row-wise packed matrix, added in {@link VectorRows}' order; the bits are its. */
final class ScalarRows {

    private static final int LANES = RowStrips.LANES;

    private final PackedMatrix w;
    private final RowStrips strips;
    private final byte[] record;
    private final float[] row;
    private final float[] acc = new float[LANES];
    private final float[] totals = new float[LANES];
    private final int lanes;

    private ScalarRows(PackedMatrix w, int lanes) {
        this.w = w;
        this.lanes = lanes;
        strips = w.strips;
        record = new byte[Math.toIntExact(strips.recordBytes)];
        row = new float[strips.preparedLength];
    }

    /**
     * Computes {@code out[k] = W[rows[k], :] · x} for {@code k < n}.
     *
     * @param lanes lanes of the vectors to agree with: unquantised rows are added up in as many sums
     */
    static void multiply(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out, int lanes) {
        ScalarRows product = new ScalarRows(w, lanes);
        for (int k = 0; k < n; k++) {
            out[k] = product.dot(rows[k], x, sums);
        }
    }

    private float dot(int output, float[] x, float[] sums) {
        MemorySegment.copy(w.data, ValueLayout.JAVA_BYTE, strips.record(output), record, 0, record.length);
        Arrays.fill(totals, 0f);
        if (w.plane.quantised()) {
            quantised(x, sums);
        } else {
            plain(x);
        }
        return ScalarMath.sum(totals);
    }

    private void plain(float[] x) {
        decodeFloats(w.plane, record, row);
        for (int i = 0; i < row.length; i += lanes) {
            for (int j = 0; j < lanes; j++) {
                totals[j] = ScalarMath.fma(row[i + j], x[i + j], totals[j]);
            }
        }
    }

    private void quantised(float[] x, float[] sums) {
        decodeIntegers(w.plane, record, row);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int end = base + strips.perLane[s] * LANES;
            Arrays.fill(acc, 0f);
            for (int i = base; i < end; i += 4 * LANES) {
                steps(row, x, i, acc);
            }
            scale(s, sums);
            base = end;
        }
    }

    /** Adds four steps: those with even numbers to the sum, the odd ones to one of their own first. */
    private static void steps(float[] row, float[] x, int from, float[] acc) {
        for (int j = 0; j < LANES; j++) {
            int p = from + j;
            float a = ScalarMath.fma(row[p], x[p], acc[j]);
            float b = row[p + LANES] * x[p + LANES];
            int q = p + 2 * LANES;
            a = ScalarMath.fma(row[q], x[q], a);
            acc[j] = a + ScalarMath.fma(row[q + LANES], x[q + LANES], b);
        }
    }

    /** Adds a strip to the totals, lane by lane: {@code scale · (acc - zero · sum) + min · sum}. */
    private void scale(int s, float[] sums) {
        boolean half = w.scaling == Scaling.HALF;
        for (int j = 0; j < LANES; j++) {
            int lane = s * LANES + j;
            float scale = number(strips.planeBytes, lane);
            float sum = sums[lane];
            if (!w.hasMin) {
                totals[j] = half
                        ? ScalarMath.fma(acc[j] + sum * -(float) w.zero, scale, totals[j])
                        : ScalarMath.fma(scale, acc[j], totals[j]);
                continue;
            }
            float min = number(strips.planeBytes + (long) strips.count * LANES * strips.scaleBytes, lane);
            totals[j] = half
                    ? ScalarMath.fma(scale, acc[j], ScalarMath.fma(min, sum, totals[j]))
                    : ScalarMath.fma(min, sum, ScalarMath.fma(scale, acc[j], totals[j]));
        }
    }

    private float number(long plane, int lane) {
        int p = (int) plane + lane * strips.scaleBytes;
        int low = record[p] & 0xff | record[p + 1] << 8;
        return strips.scaleBytes == 2
                ? Float.float16ToFloat((short) low)
                : Float.intBitsToFloat(low & 0xffff | (record[p + 2] & 0xff) << 16 | record[p + 3] << 24);
    }

    /** Writes a record's integers as floats, in strip order. */
    private static void decodeIntegers(Plane plane, byte[] record, float[] row) {
        if (plane == Plane.I8) {
            for (int i = 0; i < row.length; i += 4 * LANES) {
                for (int j = 0; j < LANES; j++) {
                    for (int t = 0; t < 4; t++) {
                        row[i + t * LANES + j] = record[i + 4 * j + t];
                    }
                }
            }
            return;
        }
        for (int i = 0; i < row.length; i += 4 * LANES) {
            for (int j = 0; j < LANES; j++) {
                int p = i / 2 + 2 * j;
                row[i + j] = record[p] & 15;
                row[i + LANES + j] = record[p] >> 4 & 15;
                row[i + 2 * LANES + j] = record[p + 1] & 15;
                row[i + 3 * LANES + j] = record[p + 1] >> 4 & 15;
            }
        }
    }

    /** Writes inputs {@code i0 … i1-1} of a tile's 64 rows as floats, {@code [inputs][64]}. */
    static void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        ScalarRows rows = new ScalarRows(w, LANES);
        for (int o = 0; o < PackedMatrix.TILE; o++) {
            int output = tile * PackedMatrix.TILE + o;
            if (!w.plane.quantised()) {
                w.strips.copyRow(output, i0, i1, panel, o, PackedMatrix.TILE);
                continue;
            }
            rows.dequantise(output);
            w.strips.scatter(rows.row, i0, i1, panel, o, PackedMatrix.TILE);
        }
    }

    private void dequantise(int output) {
        MemorySegment.copy(w.data, ValueLayout.JAVA_BYTE, strips.record(output), record, 0, record.length);
        decodeIntegers(w.plane, record, row);
        long mins = strips.planeBytes + (long) strips.count * LANES * strips.scaleBytes;
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            for (int j = 0; j < LANES; j++) {
                int lane = s * LANES + j;
                float scale = number(strips.planeBytes, lane);
                float min = w.hasMin ? number(mins, lane) : 0f;
                float offset = w.plane == Plane.U4 ? scale * -w.zero + min : min;
                for (int t = 0; t < strips.perLane[s]; t++) {
                    int at = base + t * LANES + j;
                    row[at] = ScalarMath.fma(row[at], scale, offset);
                }
            }
            base += strips.perLane[s] * LANES;
        }
    }

    private static void decodeFloats(Plane plane, byte[] record, float[] row) {
        switch (plane) {
            case BF16 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.intBitsToFloat(record[2 * i + 1] << 24 | (record[2 * i] & 0xff) << 16);
                }
            }
            case F16 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.float16ToFloat((short) (record[2 * i + 1] << 8 | record[2 * i] & 0xff));
                }
            }
            default -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.intBitsToFloat(record[4 * i + 3] << 24 | (record[4 * i + 2] & 0xff) << 16 | (record[4
                            * i + 1] & 0xff) << 8 | record[4 * i] & 0xff);
                }
            }
        }
    }
}
