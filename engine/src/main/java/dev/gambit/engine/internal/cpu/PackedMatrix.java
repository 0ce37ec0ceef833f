package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A weight matrix of {@code inputs × outputs} repacked without loss for the CPU kernels. A weight is
 * {@code scale[g][o] · (q[i][o] − zero) + min[g][o]} with {@code g = i / group}; unquantised planes hold it directly.
 *
 * <p>{@link Layout#COLUMNS}: panels of {@code panel} outputs, each {@code [inputs][panel]}, so that what one input channel
 * needs is contiguous; scales are {@code [inputs/group][panel]} a panel. {@link Layout#ROWS}: one record an output; see
 * {@link RowStrips}.
 */
final class PackedMatrix {

    /** Outputs a kernel works on at a time; every panel is a multiple of it. */
    static final int TILE = 64;
    /** Bytes from which on a run is worth a jump when about half of the runs are skipped, and is walked end to end. */
    static final long LONG_RUN = 2048;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Whether inputs' columns or outputs' rows are contiguous. */
    enum Layout {
        /** Input channels can be skipped. */
        COLUMNS,
        /** Output channels can be skipped. */
        ROWS
    }

    /** How scales are stored. */
    enum Scaling {
        /** No scale: unquantised. */
        NONE,
        /** One half float a group and output. */
        HALF,
        /** A signed byte a group and output, times a half float for every 256 inputs: the K-quants. */
        TWO_LEVEL
    }

    final int inputs;
    final int outputs;
    /** Outputs rounded up to whole tiles; the weights added are zero. */
    final int paddedOutputs;

    final Layout layout;
    final Plane plane;
    final Scaling scaling;
    /** Whether groups have a minimum. */
    final boolean hasMin;
    /** What is subtracted from every integer: 8 for Q4_0, else 0. */
    final int zero;
    /** Inputs that share a scale: 32, or 16 for Q6_K; 32 for unquantised planes, where it is only the unit of work. */
    final int group;
    /** Outputs in a panel, a divisor of {@link #paddedOutputs} (columns only). */
    final int panel;

    MemorySegment data;
    MemorySegment scales;
    MemorySegment mins;
    /** Half floats of two-level scales, one for 256 inputs and an output. */
    MemorySegment superScales;

    MemorySegment superMins;
    /** Rows only: how a row's inputs lie in its record. */
    final RowStrips strips;

    PackedMatrix(
            int inputs,
            int outputs,
            Layout layout,
            Plane plane,
            Scaling scaling,
            boolean hasMin,
            int zero,
            int group,
            int panel) {
        this.inputs = inputs;
        this.outputs = outputs;
        this.paddedOutputs = (outputs + TILE - 1) / TILE * TILE;
        this.layout = layout;
        this.plane = plane;
        this.scaling = scaling;
        this.hasMin = hasMin;
        this.zero = zero;
        this.group = group;
        this.panel = panel;
        this.strips = layout == Layout.ROWS ? new RowStrips(this) : null;
    }

    /** Returns the number of 64-output tiles. */
    int tiles() {
        return paddedOutputs / TILE;
    }

    /** Returns the number of input groups. */
    int groups() {
        return (inputs + group - 1) / group;
    }

    /** Returns the bytes between an input channel's weights and the next one's, within a panel. */
    long stride() {
        return plane.bytes(panel);
    }

    /** Returns where in {@link #data} the weights of input 0 for a tile start. */
    long tileOffset(int tile) {
        int output = tile * TILE;
        int p = output / panel;
        return plane.bytes((long) p * panel * inputs + (output - p * panel));
    }

    /**
     * Returns where group {@code g}'s scale and minimum for an output lie in their planes: panels of
     * {@code [groups][panel]}, so that a panel's scales are one stream beside its weights.
     */
    long scaleIndex(int g, int output) {
        int p = output / panel;
        return ((long) p * groups() + g) * panel + (output - p * panel);
    }

    /** Returns where the second-level scale of inputs {@code 256b … 256b+255} lies: panels of {@code [inputs/256][panel]}. */
    long superScaleIndex(int b, int output) {
        int p = output / panel;
        return ((long) p * ((inputs + 255) / 256) + b) * panel + (output - p * panel);
    }

    /** Returns the bytes this matrix takes in memory. */
    long byteSize() {
        long n = 0;
        for (MemorySegment s : new MemorySegment[] {data, scales, mins, superScales, superMins}) {
            n += s == null ? 0 : s.byteSize() - OffHeap.PADDING;
        }
        return n;
    }

    /** Returns the bytes of a group's scales and minima over all outputs, with its share of the super-scales (columns). */
    long scaleBytesPerGroup() {
        long bytes =
                switch (scaling) {
                    case NONE -> 0;
                    case HALF -> 2L * paddedOutputs;
                    case TWO_LEVEL -> paddedOutputs + 2L * paddedOutputs * group / 256;
                };
        return hasMin ? 2 * bytes : bytes;
    }

    /** Returns one weight, exactly; for embedding look-ups and as the oracle of the kernels. */
    float weight(int input, int output) {
        if (layout == Layout.ROWS) {
            return strips.weight(input, output);
        }
        int p = output / panel;
        int inPanel = output - p * panel;
        long index = ((long) p * inputs + input) * panel + inPanel;
        float q = stored(data, index, inPanel);
        if (!plane.quantised()) {
            return q;
        }
        long s = scaleIndex(input / group, output);
        long big = superScaleIndex(input / 256, output);
        float value = scale(scales, superScales, s, big) * (q - zero);
        return hasMin ? value + scale(mins, superMins, s, big) : value;
    }

    private float scale(MemorySegment plane, MemorySegment superPlane, long index, long superIndex) {
        return scaling == Scaling.HALF
                ? Float.float16ToFloat(plane.get(SHORT, index * 2))
                : plane.get(ValueLayout.JAVA_BYTE, index) * Float.float16ToFloat(superPlane.get(SHORT, superIndex * 2));
    }

    /** Reads a plane's entry; {@code inTile} decides which nibble of a 64-wide tile it is. */
    private float stored(MemorySegment s, long index, int inPanel) {
        return switch (plane) {
            case F32 -> s.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(s.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(s.get(SHORT, index * 2) << 16);
            case I8 -> s.get(ValueLayout.JAVA_BYTE, index);
            case U4 -> {
                int inTile = inPanel % TILE;
                long tileStart = (index - inTile) / 2;
                int word = s.get(SHORT, tileStart + (inTile % 16) * 2);
                yield (word >>> (inTile / 16 * 4)) & 15;
            }
        };
    }
}
