package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Products with column-wise packed matrices, a tile of 64 outputs at a time: added in {@link VectorColumns}' order;
 * the bits are its.
 */
final class ScalarColumns {

    private static final int TILE = PackedMatrix.TILE;
    /** Columns that are added in one loop: each output's sum is loaded and stored once for them. */
    private static final int COLUMNS = 4;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final float[] NIBBLES = new float[16];

    static {
        for (int i = 0; i < NIBBLES.length; i++) {
            NIBBLES[i] = i;
        }
    }

    private final PackedMatrix w;
    private final int[] stored;
    private final float[] sums = new float[TILE];
    private final float[][] columns = new float[COLUMNS][TILE];
    private final float[] scales = new float[TILE];
    private final float[] mins = new float[TILE];
    private final short[] halves = new short[TILE];
    private final byte[] bytes = new byte[TILE];

    private ScalarColumns(PackedMatrix w) {
        this.w = w;
        stored = new int[(int) w.plane.bytes(TILE) / 4];
    }

    static void multiply(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        ScalarColumns columns = new ScalarColumns(w);
        for (int g = g0; g < g1; g = w.blockEnd(g)) {
            for (int t = t0; t < t1; t++) {
                columns.tile(x, g, Math.min(g1, w.blockEnd(g)), t, y, yOffset + t * TILE);
            }
        }
    }

    /** The same for {@code n} vectors that keep everything: what is stored is read once for all. */
    static void multiplyWhole(
            PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        ScalarColumns columns = new ScalarColumns(w);
        float[][] sums = new float[n][TILE];
        for (int g = g0; g < g1; g++) {
            for (int t = t0; t < t1; t++) {
                columns.group(x, n, g, t, y, yOffset + t * TILE, sums);
            }
        }
    }

    /** Adds a group of a tile to {@code n} results; {@code all} is scratch, a tile's sums each. */
    private void group(Kept[] x, int n, int g, int t, float[][] y, int yo, float[][] all) {
        boolean quantised = w.plane.quantised();
        for (int r = 0; r < n; r++) {
            if (quantised) {
                Arrays.fill(all[r], 0f);
            } else {
                System.arraycopy(y[r], yo, all[r], 0, TILE);
            }
        }
        int units = w.group / Kept.UNIT;
        long base = w.tileOffset(t, g);
        int first = g * w.group;
        int end = Math.min(w.inputs, first + w.group);
        for (int i = first; i < end; i += COLUMNS) {
            int count = Math.min(COLUMNS, end - i);
            for (int c = 0; c < count; c++) {
                decode(base + (i + c) * w.stride(), columns[c]);
            }
            for (int r = 0; r < n; r++) {
                add(count, x[r].value, x[r].start[g * units] + i - first, all[r]);
            }
        }
        if (quantised) {
            readScales(g, t);
        }
        for (int r = 0; r < n; r++) {
            if (quantised) {
                scale(all[r], x[r].groupSum(g, units), y[r], yo);
            } else {
                System.arraycopy(all[r], 0, y[r], yo, TILE);
            }
        }
    }

    private void tile(Kept x, int g0, int g1, int t, float[] y, int yo) {
        long base = w.tileOffset(t, g0);
        if (!w.plane.quantised()) {
            System.arraycopy(y, yo, sums, 0, TILE);
            kept(base, x, x.start[g0 * 2], x.start[g1 * 2]);
            System.arraycopy(sums, 0, y, yo, TILE);
            return;
        }
        int units = w.group / Kept.UNIT;
        for (int g = g0; g < g1; g++) {
            int first = x.start[g * units];
            int end = x.start[(g + 1) * units];
            if (first == end) {
                continue;
            }
            Arrays.fill(sums, 0f);
            kept(base, x, first, end);
            readScales(g, t);
            scale(sums, x.groupSum(g, units), y, yo);
        }
    }

    /** Adds kept columns {@code first … end-1} to the 64 sums. */
    private void kept(long base, Kept x, int first, int end) {
        for (int k = first; k < end; k += COLUMNS) {
            int count = Math.min(COLUMNS, end - k);
            for (int c = 0; c < count; c++) {
                decode(base + x.index[k + c] * w.stride(), columns[c]);
            }
            add(count, x.value, k, sums);
        }
    }

    /** Adds the first {@code count} columns, times {@code x} from {@code at} on, one after the other. */
    private void add(int count, float[] x, int at, float[] y) {
        if (count == COLUMNS) {
            four(columns[0], columns[1], columns[2], columns[3], x[at], x[at + 1], x[at + 2], x[at + 3], y);
            return;
        }
        for (int c = 0; c < count; c++) {
            one(columns[c], x[at + c], y);
        }
    }

    /** With indices alike in all arrays: C2 makes vectors of such a loop only. */
    private static void four(
            float[] c0, float[] c1, float[] c2, float[] c3, float x0, float x1, float x2, float x3, float[] y) {
        for (int o = 0; o < TILE; o++) {
            float sum = ScalarMath.fma(c0[o], x0, y[o]);
            sum = ScalarMath.fma(c1[o], x1, sum);
            sum = ScalarMath.fma(c2[o], x2, sum);
            y[o] = ScalarMath.fma(c3[o], x3, sum);
        }
    }

    private static void one(float[] column, float x, float[] y) {
        for (int o = 0; o < TILE; o++) {
            y[o] = ScalarMath.fma(column[o], x, y[o]);
        }
    }

    /** Writes the 64 stored numbers at {@code p} as floats. */
    private void decode(long p, float[] out) {
        MemorySegment.copy(w.data, INT, p, stored, 0, stored.length);
        switch (w.plane) {
            case I8 -> bytes(stored, out);
            case U4 -> nibbles(stored, out);
            case BF16 -> brainFloats(stored, out);
            case F16 -> halves(stored, out);
            case F32 -> floats(stored, out);
        }
    }

    private static void bytes(int[] stored, float[] out) {
        for (int o = 0; o < 16; o++) {
            int v = stored[o];
            out[o] = (byte) v;
            out[o + 16] = (byte) (v >> 8);
            out[o + 32] = (byte) (v >> 16);
            out[o + 48] = v >> 24;
        }
    }

    /** From a table, which is faster than turning an int into a float. */
    private static void nibbles(int[] stored, float[] out) {
        float[] value = NIBBLES;
        for (int o = 0; o < 8; o++) {
            int v = stored[o];
            out[o] = value[v & 15];
            out[o + 8] = value[v >> 4 & 15];
            out[o + 16] = value[v >> 8 & 15];
            out[o + 24] = value[v >> 12 & 15];
            out[o + 32] = value[v >> 16 & 15];
            out[o + 40] = value[v >> 20 & 15];
            out[o + 48] = value[v >> 24 & 15];
            out[o + 56] = value[v >>> 28];
        }
    }

    private static void brainFloats(int[] stored, float[] out) {
        for (int i = 0; i < TILE / 2; i++) {
            int o = i / 16 * 32 + i % 16;
            out[o] = Float.intBitsToFloat(stored[i] << 16);
            out[o + 16] = Float.intBitsToFloat(stored[i] & 0xffff0000);
        }
    }

    private static void halves(int[] stored, float[] out) {
        for (int i = 0; i < TILE / 2; i++) {
            int o = i / 16 * 32 + i % 16;
            out[o] = Float.float16ToFloat((short) stored[i]);
            out[o + 16] = Float.float16ToFloat((short) (stored[i] >> 16));
        }
    }

    private static void floats(int[] stored, float[] out) {
        for (int o = 0; o < TILE; o++) {
            out[o] = Float.intBitsToFloat(stored[o]);
        }
    }

    /** Reads a group's scales and minima. */
    private void readScales(int g, int tile) {
        read(w.scales, w.superScales, g, tile, scales);
        if (w.hasMin) {
            read(w.mins, w.superMins, g, tile, mins);
        }
    }

    /** Adds {@code scale · (sums - zero · inputs) + min · inputs}. */
    private void scale(float[] sums, float inputs, float[] y, int yo) {
        if (w.scaling == Scaling.TWO_LEVEL) {
            scaled(sums, 0f, y, yo);
            for (int o = 0; w.hasMin && o < TILE; o++) {
                y[yo + o] += mins[o] * inputs;
            }
            return;
        }
        for (int o = 0; w.hasMin && o < TILE; o++) {
            y[yo + o] = ScalarMath.fma(mins[o], inputs, y[yo + o]);
        }
        scaled(sums, w.zero * inputs, y, yo);
    }

    private void scaled(float[] sums, float zero, float[] y, int yo) {
        for (int o = 0; o < TILE; o++) {
            float sum = w.zero != 0 ? sums[o] - zero : sums[o];
            y[yo + o] = ScalarMath.fma(scales[o], sum, y[yo + o]);
        }
    }

    /** Writes inputs {@code i0 … i1-1} of a tile as floats, {@code [inputs][64]}. */
    static void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        new ScalarColumns(w).dequantise(tile, i0, i1, panel);
    }

    private void dequantise(int tile, int i0, int i1, float[] panel) {
        float[] column = columns[0];
        float[] offsets = columns[1];
        int group = -1;
        for (int i = i0; i < i1; i++) {
            decode(w.tileOffset(tile, i / w.group) + i * w.stride(), column);
            int at = (i - i0) * TILE;
            if (!w.plane.quantised()) {
                System.arraycopy(column, 0, panel, at, TILE);
                continue;
            }
            if (i / w.group != group) {
                group = i / w.group;
                readScales(group, tile);
                for (int o = 0; o < TILE; o++) {
                    offsets[o] = w.hasMin ? mins[o] : -w.zero * scales[o];
                }
            }
            for (int o = 0; o < TILE; o++) {
                panel[at + o] = ScalarMath.fma(column[o], scales[o], offsets[o]);
            }
        }
    }

    /** Writes the scales or minima of group {@code g} for a tile's outputs. */
    private void read(MemorySegment fine, MemorySegment coarse, int g, int tile, float[] out) {
        long at = w.scaleIndex(g, tile * TILE);
        if (w.scaling == Scaling.HALF) {
            MemorySegment.copy(fine, SHORT, at * 2, halves, 0, TILE);
            for (int o = 0; o < TILE; o++) {
                out[o] = Float.float16ToFloat(halves[PackedMatrix.placeOfScale(o)]);
            }
            return;
        }
        MemorySegment.copy(fine, ValueLayout.JAVA_BYTE, at, bytes, 0, TILE);
        MemorySegment.copy(coarse, SHORT, w.superScaleIndex(g * w.group / 256, tile * TILE) * 2, halves, 0, TILE);
        for (int o = 0; o < TILE; o++) {
            out[o] = bytes[o] * Float.float16ToFloat(halves[o]);
        }
    }
}
