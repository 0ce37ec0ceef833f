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
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final PackedMatrix w;
    private final byte[] stored;
    private final float[] sums = new float[TILE];
    private final float[] column = new float[TILE];
    private final float[] scales = new float[TILE];

    private ScalarColumns(PackedMatrix w) {
        this.w = w;
        stored = new byte[(int) w.plane.bytes(TILE)];
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
        int units = w.group / Kept.UNIT;
        long base = w.tileOffset(t, g);
        int first = g * w.group;
        int end = Math.min(w.inputs, first + w.group);
        for (int r = 0; r < n; r++) {
            if (w.plane.quantised()) {
                Arrays.fill(all[r], 0f);
            } else {
                System.arraycopy(y[r], yo, all[r], 0, TILE);
            }
        }
        for (int i = first; i < end; i++) {
            decode(w, base + i * w.stride(), stored, column);
            for (int r = 0; r < n; r++) {
                one(column, x[r].value[x[r].start[g * units] + i - first], all[r]);
            }
        }
        for (int r = 0; r < n; r++) {
            if (w.plane.quantised()) {
                scale(all[r], g, t, x[r].groupSum(g, units), y[r], yo);
            } else {
                System.arraycopy(all[r], 0, y[r], yo, TILE);
            }
        }
    }

    private void tile(Kept x, int g0, int g1, int t, float[] y, int yo) {
        long base = w.tileOffset(t, g0);
        if (!w.plane.quantised()) {
            System.arraycopy(y, yo, sums, 0, TILE);
            add(base, x, x.start[g0 * 2], x.start[g1 * 2]);
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
            add(base, x, first, end);
            scale(sums, g, t, x.groupSum(g, units), y, yo);
        }
    }

    /** Adds kept columns {@code first … end-1} to the 64 sums. */
    private void add(long base, Kept x, int first, int end) {
        long stride = w.stride();
        for (int k = first; k < end; k++) {
            decode(w, base + x.index[k] * stride, stored, column);
            one(column, x.value[k], sums);
        }
    }

    /** With indices alike in all arrays: C2 makes vectors of such a loop only. */
    private static void one(float[] column, float x, float[] y) {
        for (int o = 0; o < TILE; o++) {
            y[o] = ScalarMath.fma(column[o], x, y[o]);
        }
    }

    /**
     * Writes the 64 stored numbers at {@code p} as floats.
     *
     * @param stored scratch for their bytes
     */
    static void decode(PackedMatrix w, long p, byte[] stored, float[] out) {
        MemorySegment.copy(w.data, ValueLayout.JAVA_BYTE, p, stored, 0, stored.length);
        switch (w.plane) {
            case I8 -> {
                for (int o = 0; o < 16; o++) {
                    out[o] = stored[4 * o];
                    out[o + 16] = stored[4 * o + 1];
                    out[o + 32] = stored[4 * o + 2];
                    out[o + 48] = stored[4 * o + 3];
                }
            }
            case U4 -> {
                for (int i = 0; i < TILE / 2; i++) {
                    int o = i % 4 * 16 + i / 4;
                    out[o] = stored[i] & 15;
                    out[o + 8] = stored[i] >> 4 & 15;
                }
            }
            case BF16 -> {
                for (int i = 0; i < TILE / 2; i++) {
                    int o = i / 16 * 32 + i % 16;
                    out[o] = Float.intBitsToFloat(stored[4 * i + 1] << 24 | (stored[4 * i] & 0xff) << 16);
                    out[o + 16] = Float.intBitsToFloat(stored[4 * i + 3] << 24 | (stored[4 * i + 2] & 0xff) << 16);
                }
            }
            case F16 -> {
                for (int i = 0; i < TILE / 2; i++) {
                    int o = i / 16 * 32 + i % 16;
                    out[o] = Float.float16ToFloat((short) (stored[4 * i + 1] << 8 | stored[4 * i] & 0xff));
                    out[o + 16] = Float.float16ToFloat((short) (stored[4 * i + 3] << 8 | stored[4 * i + 2] & 0xff));
                }
            }
            case F32 -> {
                for (int o = 0; o < TILE; o++) {
                    out[o] = Float.intBitsToFloat(stored[4 * o + 3] << 24 | (stored[4 * o + 2] & 0xff) << 16 | (stored[4
                            * o + 1] & 0xff) << 8 | stored[4 * o] & 0xff);
                }
            }
        }
    }

    /** Adds {@code scale · (sums - zero · inputs) + min · inputs}. */
    private void scale(float[] sums, int g, int tile, float inputs, float[] y, int yo) {
        scales(w, g, tile, scales);
        if (w.scaling == Scaling.TWO_LEVEL) {
            scaled(sums, 0f, y, yo);
            if (w.hasMin) {
                mins(w, g, tile, inputs, scales);
                for (int o = 0; o < TILE; o++) {
                    y[yo + o] += scales[o];
                }
            }
            return;
        }
        if (w.hasMin) {
            mins(w, g, tile, 1f, column);
            for (int o = 0; o < TILE; o++) {
                y[yo + o] = ScalarMath.fma(column[o], inputs, y[yo + o]);
            }
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
        byte[] stored = new byte[(int) w.plane.bytes(TILE)];
        float[] column = new float[TILE];
        float[] scales = new float[TILE];
        float[] offsets = new float[TILE];
        int group = -1;
        for (int i = i0; i < i1; i++) {
            decode(w, w.tileOffset(tile, i / w.group) + i * w.stride(), stored, column);
            int at = (i - i0) * TILE;
            if (!w.plane.quantised()) {
                System.arraycopy(column, 0, panel, at, TILE);
                continue;
            }
            if (i / w.group != group) {
                group = i / w.group;
                scales(w, group, tile, scales);
                offsets(w, group, tile, scales, offsets);
            }
            for (int o = 0; o < TILE; o++) {
                panel[at + o] = ScalarMath.fma(column[o], scales[o], offsets[o]);
            }
        }
    }

    /** Writes what a group adds per unit of input: its minima, or {@code -zero · scale}. */
    private static void offsets(PackedMatrix w, int g, int tile, float[] scales, float[] out) {
        if (w.hasMin) {
            mins(w, g, tile, 1f, out);
            return;
        }
        for (int o = 0; o < TILE; o++) {
            out[o] = -w.zero * scales[o];
        }
    }

    /** Writes the scales of group {@code g} for a tile's outputs. */
    static void scales(PackedMatrix w, int g, int tile, float[] out) {
        read(w, w.scales, w.superScales, g, tile, 1f, out);
    }

    /** Writes the minima of group {@code g} for a tile's outputs; two-level ones times {@code factor}. */
    static void mins(PackedMatrix w, int g, int tile, float factor, float[] out) {
        read(w, w.mins, w.superMins, g, tile, factor, out);
    }

    private static void read(
            PackedMatrix w, MemorySegment fine, MemorySegment coarse, int g, int tile, float factor, float[] out) {
        long at = w.scaleIndex(g, tile * TILE);
        short[] halves = new short[TILE];
        if (w.scaling == Scaling.HALF) {
            MemorySegment.copy(fine, SHORT, at * 2, halves, 0, TILE);
            for (int o = 0; o < TILE; o++) {
                out[o] = Float.float16ToFloat(halves[PackedMatrix.placeOfScale(o)]);
            }
            return;
        }
        byte[] bytes = new byte[TILE];
        MemorySegment.copy(fine, ValueLayout.JAVA_BYTE, at, bytes, 0, TILE);
        MemorySegment.copy(coarse, SHORT, w.superScaleIndex(g * w.group / 256, tile * TILE) * 2, halves, 0, TILE);
        for (int o = 0; o < TILE; o++) {
            out[o] = bytes[o] * Float.float16ToFloat(halves[o]) * factor;
        }
    }
}
