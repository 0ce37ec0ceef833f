package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Turns 64 outputs of a packed matrix into floats, {@code [inputs][64]}, for products over many rows. */
final class VectorPanels {

    private static final int TILE = PackedMatrix.TILE;

    private VectorPanels() {}

    static void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        if (w.layout == Layout.ROWS) {
            rows(w, tile, i0, i1, panel);
            return;
        }
        for (int i = i0; i < i1;) {
            int end = Math.min(i1, w.blockEnd(i / w.group) * w.group);
            block(w, tile, i, end, panel, (i - i0) * TILE);
            i = end;
        }
    }

    /** Writes inputs of one block to {@code panel} from {@code to} on. */
    private static void block(PackedMatrix w, int tile, int i0, int i1, float[] panel, int to) {
        long stride = w.stride();
        long base = w.tileOffset(tile, i0 / w.group);
        switch (w.plane) {
            case F32 -> floats(w.data, base, stride, i0, i1, panel, to);
            case F16 -> halves(w.data, base, stride, i0, i1, panel, to);
            case BF16 -> brainFloats(w.data, base, stride, i0, i1, panel, to);
            case I8, U4 -> quantised(w, tile, i0, i1, panel, to, base, stride);
        }
    }

    private static void floats(MemorySegment data, long base, long stride, int i0, int i1, float[] panel, int at) {
        for (int i = i0; i < i1; i++) {
            for (int o = 0; o < TILE; o += N) {
                Lanes.floats(data, base + i * stride + 4 * o).intoArray(panel, at + (i - i0) * TILE + o);
            }
        }
    }

    private static void halves(MemorySegment data, long base, long stride, int i0, int i1, float[] panel, int at) {
        for (int i = i0; i < i1; i++) {
            for (int h = 0; h < 32; h += N) {
                IntVector v = Lanes.ints(data, base + i * stride + 4 * h);
                int to = at + (i - i0) * TILE + h / 16 * 32 + h % 16;
                Lanes.lowHalves(v).intoArray(panel, to);
                Lanes.highHalves(v).intoArray(panel, to + 16);
            }
        }
    }

    private static void brainFloats(MemorySegment data, long base, long stride, int i0, int i1, float[] panel, int at) {
        for (int i = i0; i < i1; i++) {
            for (int h = 0; h < 32; h += N) {
                IntVector v = Lanes.ints(data, base + i * stride + 4 * h);
                int to = at + (i - i0) * TILE + h / 16 * 32 + h % 16;
                Lanes.lowBrainFloats(v).intoArray(panel, to);
                Lanes.highBrainFloats(v).intoArray(panel, to + 16);
            }
        }
    }

    private static void quantised(PackedMatrix w, int tile, int i0, int i1, float[] panel, int at, long base,
            long stride) {
        float[] scales = new float[TILE];
        float[] offsets = new float[TILE];
        for (int i = i0; i < i1;) {
            int g = i / w.group;
            int end = Math.min(i1, (g + 1) * w.group);
            GroupScales.scales(w, g, tile, scales);
            GroupScales.offsets(w, g, tile, scales, offsets);
            for (; i < end; i++) {
                if (w.plane == Plane.I8) {
                    bytes(w.data, base + i * stride, scales, offsets, panel, at + (i - i0) * TILE);
                } else {
                    nibbles(w.data, base + i * stride, scales, offsets, panel, at + (i - i0) * TILE);
                }
            }
        }
    }

    private static void bytes(MemorySegment data, long p, float[] scales, float[] offsets, float[] panel, int to) {
        for (int h = 0; h < 16; h += N) {
            IntVector v = Lanes.ints(data, p + 4 * h);
            scaled(Lanes.byte0(v).mul(Lanes.BYTE_UNIT), scales, offsets, h, panel, to);
            scaled(Lanes.byte1(v).mul(Lanes.BYTE_UNIT), scales, offsets, h + 16, panel, to);
            scaled(Lanes.byte2(v).mul(Lanes.BYTE_UNIT), scales, offsets, h + 32, panel, to);
            scaled(Lanes.byte3(v).mul(Lanes.BYTE_UNIT), scales, offsets, h + 48, panel, to);
        }
    }

    private static void scaled(FloatVector q, float[] scales, float[] offsets, int o, float[] panel, int to) {
        q.fma(FloatVector.fromArray(F, scales, o), FloatVector.fromArray(F, offsets, o))
                .intoArray(panel, to + o);
    }

    private static void nibbles(MemorySegment data, long p, float[] scales, float[] offsets, float[] panel, int to) {
        for (int h = 0; h < 16; h += N) {
            IntVector v = Lanes.nibbleInts(data, p, h);
            scaled(Lanes.nibbles(v, Lanes.nibbleMask(0)), scales, offsets, h, panel, to);
            scaled(Lanes.nibbles(v, Lanes.nibbleMask(8)).mul(0x1p-8f), scales, offsets, h + 16, panel, to);
            scaled(Lanes.nibbles(v, Lanes.nibbleMask(16)).mul(0x1p-16f), scales, offsets, h + 32, panel, to);
            scaled(Lanes.nibbles(v, Lanes.nibbleMask(24)).mul(0x1p-24f), scales, offsets, h + 48, panel, to);
        }
    }

    private static void rows(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        RowStrips strips = w.strips;
        float[] row = new float[strips.preparedLength];
        float[] scales = new float[strips.count * RowStrips.LANES];
        float[] mins = new float[scales.length];
        for (int o = 0; o < TILE; o++) {
            int output = tile * TILE + o;
            if (w.plane.quantised()) {
                VectorRows.dequantise(w, output, row, scales, mins);
                strips.scatter(row, i0, i1, panel, o, TILE);
            } else {
                strips.copyRow(output, i0, i1, panel, o, TILE);
            }
        }
    }
}
