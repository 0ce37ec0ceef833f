package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/**
 * The float vector that matrices are multiplied with, and what each block makes of it first.
 *
 * @param mode what
 * @param x {@code [inputs]}, aligned to 16 bytes
 * @param other {@code [inputs]}: the norm's weights, or up's products; null for {@link Mode#PLAIN}
 * @param epsilon added to the mean square by {@link Mode#NORMED}
 * @param activation applied to {@code x} by {@link Mode#ACTIVATED}
 * @param inputs entries
 */
public record InputVector(Mode mode, DeviceMemory x, DeviceMemory other, float epsilon, Activation activation,
        int inputs) {

    /** What is made of the vector; the ordinals are those of {@code block.cuh}. */
    public enum Mode {
        /** {@code x_i} */
        PLAIN,
        /** RMS norm: {@code x_i · other_i / sqrt(mean(x²) + epsilon)} */
        NORMED,
        /** {@code activation(x_i) · other_i}; only {@link SparseGemvCols} */
        ACTIVATED
    }

    /** Checks sizes. */
    public InputVector {
        Check.vector("input", x, 4L * inputs);
        if (mode != Mode.PLAIN) {
            Check.vector("second input", other, 4L * inputs);
        }
    }

    /** {@return a vector as it is} @param x {@code [inputs]} @param inputs entries */
    public static InputVector plain(DeviceMemory x, int inputs) {
        return new InputVector(Mode.PLAIN, x, null, 0, Activation.NONE, inputs);
    }

    /**
     * A vector under RMS norm.
     *
     * @param x {@code [inputs]}
     * @param weight {@code [inputs]}
     * @param epsilon added to the mean square
     * @param inputs entries
     * @return the vector
     */
    public static InputVector normed(DeviceMemory x, DeviceMemory weight, float epsilon, int inputs) {
        return new InputVector(Mode.NORMED, x, weight, epsilon, Activation.NONE, inputs);
    }

    /**
     * The FFN's inner vector from gate and up.
     *
     * @param gate {@code [inputs]}, without activation
     * @param up {@code [inputs]}
     * @param activation of the gate
     * @param inputs entries
     * @return the vector
     */
    public static InputVector activated(DeviceMemory gate, DeviceMemory up, Activation activation, int inputs) {
        return new InputVector(Mode.ACTIVATED, gate, up, 0, activation, inputs);
    }

    void write(ArgumentBlock b) {
        b.address(x).address(other).int32(mode.ordinal()).float32(epsilon).int32(activation.ordinal()).int32(inputs);
    }
}
