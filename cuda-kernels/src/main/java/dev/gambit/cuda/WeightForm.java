package dev.gambit.cuda;

import java.util.Locale;

/**
 * How a matrix's weights lie on the device. A quantised weight is {@code scale · (q − zero) + min}; scales and minima are
 * planes of their own. Dimensions are padded to multiples of 32 with zeros.
 */
public enum WeightForm {
    /** 32-bit floats. */
    F32(32, 0, 0, false, 32, 4, 4),
    /** Half floats. */
    F16(16, 0, 0, false, 32, 8, 8),
    /** bfloat16. */
    BF16(16, 0, 0, false, 32, 8, 8),
    /** Signed bytes, a half float scale for 32 inputs: Q8_0, Q5_0. */
    I8(8, 0, 2, false, 32, 16, 16),
    /** Bytes, half float scale and minimum for 32 inputs: Q5_1. */
    I8_MIN(8, 0, 2, true, 32, 16, 16),
    /** Nibbles less 8, a half float scale for 32 inputs: Q4_0. */
    U4(4, 8, 2, false, 32, 16, 32),
    /** Nibbles, half float scale and minimum for 32 inputs: Q4_1. */
    U4_MIN(4, 0, 2, true, 32, 16, 32),
    /** Nibbles, float scale and minimum for 32 inputs: Q4_K. */
    U4_F32_MIN(4, 0, 4, true, 32, 16, 32),
    /** Bytes, float scale and minimum for 32 inputs: Q5_K. */
    I8_F32_MIN(8, 0, 4, true, 32, 16, 16),
    /** Signed bytes, a float scale for 16 inputs: Q6_K. */
    I8_F32_16(8, 0, 4, false, 16, 16, 16);

    private final int bits;
    private final int zero;
    private final int scaleBytes;
    private final boolean hasMin;
    private final int group;
    private final int laneOutputs;
    private final int laneInputs;

    WeightForm(int bits, int zero, int scaleBytes, boolean hasMin, int group, int laneOutputs, int laneInputs) {
        this.bits = bits;
        this.zero = zero;
        this.scaleBytes = scaleBytes;
        this.hasMin = hasMin;
        this.group = group;
        this.laneOutputs = laneOutputs;
        this.laneInputs = laneInputs;
    }

    /** {@return n rounded up to a multiple of 32} @param n inputs or outputs, at least 1 */
    public static int padded(int n) {
        return (n + 31) / 32 * 32;
    }

    /** {@return bits of a weight, scales excluded} */
    public int bits() {
        return bits;
    }

    /** {@return what is subtracted from every integer} */
    public int zero() {
        return zero;
    }

    /** {@return whether there are scales} */
    public boolean quantised() {
        return scaleBytes > 0;
    }

    /** {@return whether there are minima} */
    public boolean hasMin() {
        return hasMin;
    }

    /** {@return bytes of a scale or minimum; 0 where there are none} */
    public int scaleBytes() {
        return scaleBytes;
    }

    /** {@return inputs that share a scale; 32, as a unit of work, where there are none} */
    public int group() {
        return group;
    }

    /** {@return the name within file and kernel names} */
    public String kernelName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** {@return outputs that so many lanes of the column kernels cover} */
    int tileOutputs(int lanes) {
        return lanes * laneOutputs;
    }

    /** {@return whether products go through the tensor cores: nibbles} */
    boolean tiled() {
        return bits == 4;
    }

    /** {@return inputs that a warp of the row kernels covers in a step: 32 lanes' of one output, or 4 lanes' of 16} */
    int spanInputs() {
        return (tiled() ? 4 : 32) * laneInputs;
    }

    /**
     * Bytes of shared memory that the row kernels need for an input: a float or two halves for each entry, sums of each lane's
     * entries where there are minima; for tiles a scale of them, too, and 64 bytes of zeros. As {@code rows.cuh} and
     * {@code tiles.cuh} lay it out.
     */
    int sharedBytes(int inputs) {
        int spans = (inputs + spanInputs() - 1) / spanInputs();
        int lanes = spans * (tiled() ? 4 : 32);
        int floats = spans * spanInputs() + (hasMin ? lanes : 0);
        return tiled() ? 4 * (floats + lanes) + 64 : 4 * floats;
    }

    /**
     * The bytes of a matrix's data plane.
     *
     * @param layout its layout
     * @param inputs at least 1
     * @param outputs at least 1
     * @return bytes
     */
    public long dataBytes(MatrixLayout layout, int inputs, int outputs) {
        return weights(layout, inputs, outputs) * bits / 8;
    }

    /**
     * The bytes of a matrix's scales, and as many of its minima if {@link #hasMin()}.
     *
     * @param layout its layout
     * @param inputs at least 1
     * @param outputs at least 1
     * @return bytes; 0 where there are none
     */
    public long scaleBytes(MatrixLayout layout, int inputs, int outputs) {
        return weights(layout, inputs, outputs) / group * scaleBytes;
    }

    private static long weights(MatrixLayout layout, int inputs, int outputs) {
        return (long) padded(inputs) * (layout == MatrixLayout.COLUMNS ? padded(outputs) : outputs);
    }
}
