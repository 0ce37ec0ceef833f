package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How a row of a {@link PackedMatrix} lies in its record, so that a dot product needs one scale vector for 16 groups and no
 * broadcast. A row is cut into strips of 16 groups; lane {@code j} of a strip walks through group {@code j}, so a strip's
 * scales are applied once, to the lanes' sums. The last strip has as many groups as are left, rounded up to a power of
 * two, each spread over {@code 16 / groups} lanes. Rows of unquantised planes are plain.
 *
 * <p>A record: the strips' integers, {@code [strip][steps/4][lane][4]}, then {@code [strip][16]} scales and, where the type has
 * them, minima: half floats, or floats for two-level scales.
 */
final class RowStrips {

    /** Lanes of a strip, whatever the vector width of the machine. */
    static final int LANES = 16;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final PackedMatrix matrix;
    /** Number of strips. */
    final int count;
    /** Inputs each lane of a strip walks through, {@code [count]}. */
    final int[] perLane;
    /** Length of an input vector in strip order: the sum of {@code 16 · perLane}. */
    final int preparedLength;
    /** Bytes of a row's record. */
    final long recordBytes;
    /** Bytes of the integers (or floats) at the start of a record. */
    final long planeBytes;
    /** Bytes of one scale in a record. */
    final int scaleBytes;

    RowStrips(PackedMatrix matrix) {
        this.matrix = matrix;
        if (!matrix.plane.quantised()) {
            count = 1;
            perLane = new int[] {(matrix.inputs + LANES - 1) / LANES};
            scaleBytes = 0;
        } else {
            int groups = matrix.groups();
            int full = groups / LANES;
            int left = groups % LANES;
            count = full + (left > 0 ? 1 : 0);
            perLane = new int[count];
            java.util.Arrays.fill(perLane, matrix.group);
            if (left > 0) {
                // A lane of nibbles advances by four inputs, so a group of 32 spreads over at most eight lanes.
                int rounded = Math.max(Integer.highestOneBit(2 * left - 1), 4 * LANES / matrix.group);
                perLane[count - 1] = matrix.group * rounded / LANES;
            }
            scaleBytes = matrix.scaling == PackedMatrix.Scaling.HALF ? 2 : 4;
        }
        int length = 0;
        for (int n : perLane) {
            length += n * LANES;
        }
        preparedLength = length;
        planeBytes = matrix.plane.bytes(length);
        recordBytes = planeBytes + (long) count * LANES * scaleBytes * (matrix.hasMin ? 2 : 1);
    }

    /** Returns where a row's record starts. */
    long record(int row) {
        return matrix.recordOffset + row * (matrix.recordStride > 0 ? matrix.recordStride : recordBytes);
    }

    /** Returns where the scales of a row start. */
    long scaleOffset(int row) {
        return record(row) + planeBytes;
    }

    /** Returns where the minima of a row start. */
    long minOffset(int row) {
        return scaleOffset(row) + (long) count * LANES * scaleBytes;
    }

    /**
     * Puts an input vector into strip order.
     *
     * @param x the vector, {@code [inputs]} from {@code offset}
     * @param prepared receives {@code [preparedLength]}
     * @param sums receives, for each strip, the 16 lanes' sums of inputs
     */
    void prepare(float[] x, int offset, float[] prepared, float[] sums) {
        if (!matrix.plane.quantised()) {
            System.arraycopy(x, offset, prepared, 0, matrix.inputs);
            java.util.Arrays.fill(prepared, matrix.inputs, preparedLength, 0f);
            return;
        }
        int base = 0;
        for (int s = 0; s < count; s++) {
            int n = perLane[s];
            for (int lane = 0; lane < LANES; lane++) {
                float sum = 0;
                for (int t = 0; t < n; t++) {
                    int input = base + lane * n + t;
                    float value = input < matrix.inputs ? x[offset + input] : 0f;
                    prepared[base + t * LANES + lane] = value;
                    sum += value;
                }
                sums[s * LANES + lane] = sum;
            }
            base += n * LANES;
        }
    }

    /** Returns one weight, exactly. */
    float weight(int input, int row) {
        MemorySegment data = matrix.data;
        long record = record(row);
        if (!matrix.plane.quantised()) {
            return switch (matrix.plane) {
                case F32 -> data.get(FLOAT, record + input * 4L);
                case F16 -> Float.float16ToFloat(data.get(SHORT, record + input * 2L));
                default -> Float.intBitsToFloat(data.get(SHORT, record + input * 2L) << 16);
            };
        }
        int s = Math.min(input / (LANES * matrix.group), count - 1);
        int base = s * LANES * matrix.group;
        int n = perLane[s];
        int lane = (input - base) / n;
        int t = (input - base) % n;
        float q;
        if (matrix.plane == Plane.I8) {
            q = data.get(ValueLayout.JAVA_BYTE, record + base + t / 4 * 4 * LANES + lane * 4L + t % 4);
        } else {
            int word = data.get(SHORT, record + (base + t / 4 * 4 * LANES) / 2 + lane * 2L);
            q = (word >>> (t % 4 * 4)) & 15;
        }
        long index = (long) (s * LANES + lane) * scaleBytes;
        float value = scale(scaleOffset(row) + index) * (q - matrix.zero);
        return matrix.hasMin ? value + scale(minOffset(row) + index) : value;
    }

    private float scale(long offset) {
        return scaleBytes == 2
                ? Float.float16ToFloat(matrix.data.get(SHORT, offset))
                : matrix.data.get(FLOAT, offset);
    }

    /** Writes inputs {@code i0 … i1-1} of a row as floats, {@code stride} apart from {@code offset} on. */
    void copyRow(int row, int i0, int i1, float[] out, int offset, int stride) {
        MemorySegment data = matrix.data;
        long record = record(row);
        int at = offset;
        switch (matrix.plane) {
            case F32 -> {
                for (int i = i0; i < i1; i++, at += stride) {
                    out[at] = data.get(FLOAT, record + i * 4L);
                }
            }
            case F16 -> {
                for (int i = i0; i < i1; i++, at += stride) {
                    out[at] = Float.float16ToFloat(data.get(SHORT, record + i * 2L));
                }
            }
            case BF16 -> {
                for (int i = i0; i < i1; i++, at += stride) {
                    out[at] = Float.intBitsToFloat(data.get(SHORT, record + i * 2L) << 16);
                }
            }
            case I8, U4 -> {
                for (int i = i0; i < i1; i++, at += stride) {
                    out[at] = weight(i, row);
                }
            }
        }
    }

    /** Writes a row as floats in strip order; places behind the last input are zero. */
    void copyPrepared(int row, float[] out) {
        if (!matrix.plane.quantised()) {
            copyRow(row, 0, matrix.inputs, out, 0, 1);
            java.util.Arrays.fill(out, matrix.inputs, preparedLength, 0f);
            return;
        }
        int base = 0;
        for (int s = 0; s < count; s++) {
            for (int lane = 0; lane < LANES; lane++) {
                for (int t = 0; t < perLane[s]; t++) {
                    int input = base + lane * perLane[s] + t;
                    out[base + t * LANES + lane] = input < matrix.inputs ? weight(input, row) : 0f;
                }
            }
            base += perLane[s] * LANES;
        }
    }

    /** Puts inputs {@code i0 … i1-1} of a row in strip order back into their own, {@code stride} apart from {@code at} on. */
    void scatter(float[] row, int i0, int i1, float[] out, int at, int stride) {
        int base = 0;
        for (int s = 0; s < count; s++) {
            int n = perLane[s];
            int end = base + n * LANES;
            if (base < i1 && end > i0) {
                for (int lane = 0; lane < LANES; lane++) {
                    int first = base + lane * n;
                    int from = Math.max(i0, first);
                    int to = Math.min(i1, first + n);
                    for (int i = from; i < to; i++) {
                        out[at + (i - i0) * stride] = row[base + (i - first) * LANES + lane];
                    }
                }
            }
            base = end;
        }
    }
}
