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
    /** The same for an FFN channel's row and column together: their reader does more between two runs. */
    static final long LONG_RECORD = 4096;

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
    /**
     * Inputs in a block. A matrix whose inputs are always read a slice at a time lies block after block, each as its panels would
     * be alone; one block of all inputs elsewhere.
     */
    final int block;

    /** Where the first channel's weights lie in {@link #data}: not at its start where two matrices share it. */
    final long recordOffset;
    /** Bytes from a channel's row or column to the next one's where there is something between them; else 0. */
    final long recordStride;

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
            int panel,
            int block,
            long recordOffset,
            long recordStride) {
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
        this.block = block;
        this.recordOffset = recordOffset;
        this.recordStride = recordStride;
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
        return recordStride > 0 ? recordStride : plane.bytes(panel);
    }

    /** Returns whether a kept column is a run that a product has to bring in by itself: in a record, the row before it has. */
    boolean streams() {
        return recordOffset == 0 && panel > TILE && stride() >= LONG_RUN;
    }

    /** Returns whether columns lie in panels of a tile, one column behind the other. */
    boolean isNarrow() {
        return panel == TILE && recordStride == 0;
    }

    /** Returns the first input in the block of group {@code g}. */
    private int blockStart(int g) {
        return g * group / block * block;
    }

    /** Returns the group that follows the block of group {@code g}. */
    int blockEnd(int g) {
        return block >= inputs ? groups() : Math.min(groups(), (blockStart(g) + block) / group);
    }

    /**
     * Returns where in {@link #data} the weights of input 0 for a tile would start, did all inputs lie as those in the block of
     * group {@code g}: input {@code i} of that block is {@code i · stride} from there.
     */
    long tileOffset(int tile, int g) {
        int output = tile * TILE;
        int p = output / panel;
        int first = blockStart(g);
        int length = Math.min(block, inputs - first);
        return recordOffset
                + plane.bytes((long) first * (paddedOutputs - panel)
                        + (long) p * panel * length
                        + (output - p * panel));
    }

    /**
     * Returns where group {@code g}'s scale and minimum for an output lie in their planes: for each block, panels of
     * {@code [groups][panel]}, so that a panel's scales are one stream beside its weights. {@link #placeOfScale} says how a
     * tile's 64 halves lie.
     */
    long scaleIndex(int g, int output) {
        int p = output / panel;
        int first = blockStart(g) / group;
        int length = blockEnd(g) - first;
        return (long) first * paddedOutputs + ((long) p * length + g - first) * panel + (output - p * panel);
    }

    /**
     * Returns where in a group's run of 64 half-float scales the one of output {@code o} of a tile lies: an int's halves are
     * outputs 32 apart.
     */
    static int placeOfScale(int o) {
        return o % 32 * 2 + o / 32;
    }

    /** Returns where the second-level scale of inputs {@code 256b … 256b+255} lies: panels of {@code [inputs/256][panel]}. */
    long superScaleIndex(int b, int output) {
        int p = output / panel;
        return ((long) p * ((inputs + 255) / 256) + b) * panel + (output - p * panel);
    }

    /** Returns the bytes of the weights, without what else their records hold. */
    long dataBytes() {
        return layout == Layout.ROWS
                ? paddedOutputs * strips.recordBytes
                : plane.bytes((long) inputs * paddedOutputs);
    }

    /** Returns the bytes this matrix takes in memory. */
    long byteSize() {
        long n = dataBytes();
        for (MemorySegment s : new MemorySegment[] {scales, mins, superScales, superMins}) {
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
        float q = stored(tileOffset(output / TILE, input / group) + input * stride(), output % TILE);
        if (!plane.quantised()) {
            return q;
        }
        long s = scaleIndex(input / group, output);
        if (scaling == Scaling.HALF) {
            s += placeOfScale(output % TILE) - output % TILE;
        }
        long big = superScaleIndex(input / 256, output);
        float value = scale(scales, superScales, s, big) * (q - zero);
        return hasMin ? value + scale(mins, superMins, s, big) : value;
    }

    private float scale(MemorySegment plane, MemorySegment superPlane, long index, long superIndex) {
        return scaling == Scaling.HALF
                ? Float.float16ToFloat(plane.get(SHORT, index * 2))
                : plane.get(ValueLayout.JAVA_BYTE, index) * Float.float16ToFloat(superPlane.get(SHORT, superIndex * 2));
    }

    /** Reads entry {@code i} of the 64 of an input and a tile, which start at {@code at}. */
    private float stored(long at, int i) {
        return switch (plane) {
            case F32 -> data.get(FLOAT, at + i * 4L);
            case F16 -> Float.float16ToFloat(data.get(SHORT, at + plane.place(i) * 2L));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, at + plane.place(i) * 2L) << 16);
            case I8 -> data.get(ValueLayout.JAVA_BYTE, at + plane.place(i));
            case U4 -> (data.get(ValueLayout.JAVA_BYTE, at + i % 8 * 4L + i / 16) >>> (i / 8 % 2 * 4)) & 15;
        };
    }
}
