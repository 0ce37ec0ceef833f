package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** The scales of a group and tile as floats, in a small array; see {@link VectorColumns} for why not in vectors. */
final class GroupScales {

    private static final int TILE = PackedMatrix.TILE;
    /** An int of scales holds those of two outputs so far apart: {@link PackedMatrix#placeOfScale}. */
    private static final int APART = TILE / 2;

    private GroupScales() {}

    /**
     * Adds what a group contributes to a tile: {@code y += scale · (sums - zero · inputs) + min · inputs}.
     *
     * @param sums the sums of the group's integers times their inputs, {@code [64]} from {@code so}
     * @param inputs the sum of the group's kept inputs
     * @param scratch {@code [64]}
     */
    static void add(
            PackedMatrix w,
            int g,
            int tile,
            float[] sums,
            int so,
            float inputs,
            float[] y,
            int yo,
            float[] scratch) {
        if (w.scaling == Scaling.TWO_LEVEL) {
            twoLevel(w.scales, w.superScales, w, g, tile, 1f, scratch);
            addProducts(sums, so, scratch, y, yo);
            if (w.hasMin) {
                twoLevel(w.mins, w.superMins, w, g, tile, inputs, scratch);
                addAll(scratch, y, yo);
            }
            return;
        }
        long at = w.scaleIndex(g, tile * TILE) * 2;
        if (w.hasMin) {
            addHalfWithMin(w.scales, w.mins, at, sums, so, inputs, y, yo);
        } else {
            addHalf(w.scales, at, sums, so, w.zero * inputs, y, yo);
        }
    }

    /** The same for two rows, whose sums lie one behind the other; scales are read once. */
    static void addBoth(
            PackedMatrix w,
            int g,
            int tile,
            float[] sums,
            float inputs0,
            float inputs1,
            float[] y0,
            float[] y1,
            int yo,
            float[] scratch) {
        if (w.scaling == Scaling.HALF && !w.hasMin) {
            long at = w.scaleIndex(g, tile * TILE) * 2;
            addHalf(w.scales, at, sums, w.zero * inputs0, w.zero * inputs1, y0, y1, yo);
        } else {
            add(w, g, tile, sums, 0, inputs0, y0, yo, scratch);
            add(w, g, tile, sums, TILE, inputs1, y1, yo, scratch);
        }
    }

    private static void addHalf(
            MemorySegment scales, long at, float[] sums, float zero0, float zero1, float[] y0, float[] y1, int yo) {
        FloatVector z0 = FloatVector.broadcast(F, zero0);
        FloatVector z1 = FloatVector.broadcast(F, zero1);
        for (int i = 0; i < APART; i += N) {
            IntVector s = Lanes.ints(scales, at + 4 * i);
            FloatVector low = Lanes.lowHalves(s);
            FloatVector high = Lanes.highHalves(s);
            low.fma(FloatVector.fromArray(F, sums, i).sub(z0), FloatVector.fromArray(F, y0, yo + i))
                    .intoArray(y0, yo + i);
            high.fma(FloatVector.fromArray(F, sums, i + APART).sub(z0), FloatVector.fromArray(F, y0, yo + i + APART))
                    .intoArray(y0, yo + i + APART);
            low.fma(FloatVector.fromArray(F, sums, i + TILE).sub(z1), FloatVector.fromArray(F, y1, yo + i))
                    .intoArray(y1, yo + i);
            high.fma(
                    FloatVector.fromArray(F, sums, i + TILE + APART).sub(z1),
                    FloatVector.fromArray(F, y1, yo + i + APART))
                    .intoArray(y1, yo + i + APART);
        }
    }

    private static void addHalf(
            MemorySegment scales, long at, float[] sums, int so, float zero, float[] y, int yo) {
        FloatVector z = FloatVector.broadcast(F, zero);
        for (int i = 0; i < APART; i += N) {
            IntVector s = Lanes.ints(scales, at + 4 * i);
            Lanes.lowHalves(s)
                    .fma(FloatVector.fromArray(F, sums, so + i).sub(z), FloatVector.fromArray(F, y, yo + i))
                    .intoArray(y, yo + i);
            Lanes.highHalves(s)
                    .fma(
                            FloatVector.fromArray(F, sums, so + i + APART).sub(z),
                            FloatVector.fromArray(F, y, yo + i + APART))
                    .intoArray(y, yo + i + APART);
        }
    }

    private static void addHalfWithMin(
            MemorySegment scales, MemorySegment mins, long at, float[] sums, int so, float inputs, float[] y, int yo) {
        FloatVector x = FloatVector.broadcast(F, inputs);
        for (int i = 0; i < APART; i += N) {
            IntVector s = Lanes.ints(scales, at + 4 * i);
            IntVector m = Lanes.ints(mins, at + 4 * i);
            FloatVector low = Lanes.lowHalves(m).fma(x, FloatVector.fromArray(F, y, yo + i));
            FloatVector high = Lanes.highHalves(m).fma(x, FloatVector.fromArray(F, y, yo + i + APART));
            Lanes.lowHalves(s).fma(FloatVector.fromArray(F, sums, so + i), low).intoArray(y, yo + i);
            Lanes.highHalves(s).fma(FloatVector.fromArray(F, sums, so + i + APART), high).intoArray(y, yo + i + APART);
        }
    }

    private static void addProducts(float[] a, int ao, float[] b, float[] y, int yo) {
        for (int o = 0; o < TILE; o += N) {
            FloatVector.fromArray(F, a, ao + o)
                    .fma(FloatVector.fromArray(F, b, o), FloatVector.fromArray(F, y, yo + o))
                    .intoArray(y, yo + o);
        }
    }

    private static void addAll(float[] a, float[] y, int yo) {
        for (int o = 0; o < TILE; o += N) {
            FloatVector.fromArray(F, a, o)
                    .add(FloatVector.fromArray(F, y, yo + o))
                    .intoArray(y, yo + o);
        }
    }

    /** Writes the scales of group {@code g} for a tile's outputs. */
    static void scales(PackedMatrix w, int g, int tile, float[] out) {
        if (w.scaling == Scaling.HALF) {
            half(w.scales, w, g, tile, out);
        } else {
            twoLevel(w.scales, w.superScales, w, g, tile, 1f, out);
        }
    }

    /** Writes {@code min - zero · scale} of group {@code g}, given its scales: what a group adds per unit of input. */
    static void offsets(PackedMatrix w, int g, int tile, float[] scales, float[] out) {
        if (w.hasMin && w.scaling == Scaling.HALF) {
            half(w.mins, w, g, tile, out);
        } else if (w.hasMin) {
            twoLevel(w.mins, w.superMins, w, g, tile, 1f, out);
        } else {
            for (int o = 0; o < TILE; o++) {
                out[o] = -w.zero * scales[o];
            }
        }
    }

    private static void half(MemorySegment s, PackedMatrix w, int g, int tile, float[] out) {
        long at = w.scaleIndex(g, tile * TILE) * 2;
        for (int i = 0; i < APART; i += N) {
            IntVector v = Lanes.ints(s, at + 4 * i);
            Lanes.lowHalves(v).intoArray(out, i);
            Lanes.highHalves(v).intoArray(out, i + APART);
        }
    }

    private static void twoLevel(
            MemorySegment fine, MemorySegment coarse, PackedMatrix w, int g, int tile, float factor, float[] out) {
        long at = w.scaleIndex(g, tile * TILE);
        long big = w.superScaleIndex(g * w.group / 256, tile * TILE) * 2;
        for (int o = 0; o < TILE; o += N) {
            Lanes.bytes(fine, at + o)
                    .mul(Lanes.halves(coarse, big + 2 * o))
                    .mul(factor)
                    .intoArray(out, o);
        }
    }
}
