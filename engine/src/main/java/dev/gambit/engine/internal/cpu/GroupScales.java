package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The scales of a group and tile as floats, in a small array; see {@link VectorColumns} for why not in vectors. */
final class GroupScales {

    private static final int TILE = PackedMatrix.TILE;

    private GroupScales() {}

    /** Writes {@code factor · scale} of group {@code g} for a tile's outputs. */
    static void scales(PackedMatrix w, int g, int tile, float factor, float[] out) {
        if (w.scaling == Scaling.HALF) {
            half(w.scales, w, g, tile, factor, out);
        } else {
            twoLevel(w.scales, w.superScales, w, g, tile, factor, out);
        }
    }

    /** Writes {@code min - zero · scale} of group {@code g} for a tile's outputs: what a group adds per unit of input. */
    static void offsets(PackedMatrix w, int g, int tile, float[] out) {
        scales(w, g, tile, -w.zero, out);
        if (w.hasMin && w.scaling == Scaling.HALF) {
            addHalf(w, g, tile, out);
        } else if (w.hasMin) {
            addTwoLevel(w, g, tile, out);
        }
    }

    private static void half(
            MemorySegment s, PackedMatrix w, int g, int tile, float factor, float[] out) {
        long at = ((long) g * w.paddedOutputs + tile * TILE) * 2;
        for (int o = 0; o < TILE; o += N) {
            Lanes.halves(s, at + 2 * o).mul(factor).intoArray(out, o);
        }
    }

    private static void twoLevel(
            MemorySegment fine,
            MemorySegment coarse,
            PackedMatrix w,
            int g,
            int tile,
            float factor,
            float[] out) {
        long at = (long) g * w.paddedOutputs + tile * TILE;
        long big = ((long) (g * w.group / 256) * w.paddedOutputs + tile * TILE) * 2;
        for (int o = 0; o < TILE; o += N) {
            FloatVector s = Lanes.bytes(fine, at + o).mul(Lanes.halves(coarse, big + 2 * o));
            s.mul(factor).intoArray(out, o);
        }
    }

    private static void addHalf(PackedMatrix w, int g, int tile, float[] out) {
        long at = ((long) g * w.paddedOutputs + tile * TILE) * 2;
        for (int o = 0; o < TILE; o += N) {
            Lanes.halves(w.mins, at + 2 * o).add(FloatVector.fromArray(F, out, o)).intoArray(out, o);
        }
    }

    private static void addTwoLevel(PackedMatrix w, int g, int tile, float[] out) {
        long at = (long) g * w.paddedOutputs + tile * TILE;
        long big = ((long) (g * w.group / 256) * w.paddedOutputs + tile * TILE) * 2;
        for (int o = 0; o < TILE; o += N) {
            Lanes.bytes(w.mins, at + o)
                    .fma(Lanes.halves(w.superMins, big + 2 * o), FloatVector.fromArray(F, out, o))
                    .intoArray(out, o);
        }
    }
}
