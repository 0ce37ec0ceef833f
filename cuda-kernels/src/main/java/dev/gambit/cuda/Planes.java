package dev.gambit.cuda;

import dev.gambit.bindings.KernelParameters;

/** How {@code planes.cuh} is told of a matrix. */
final class Planes {

    private Planes() {}

    /** {@return the name of a form's plane in kernels' names} */
    static String plane(WeightForm form) {
        return switch (form) {
            case F32 -> "f32";
            case F16 -> "f16";
            case BF16 -> "bf16";
            case I8, I8_MIN, I8_F32_MIN, I8_F32_16 -> "i8";
            case U4, U4_MIN, U4_F32_MIN -> "u4";
        };
    }

    /** Adds data, scales, mins, type of the scales, zero, group, inputs and outputs. */
    static void add(KernelParameters.Builder p, DeviceMatrix m) {
        p.add(m.data()).add(m.scales()).add(m.mins()).add(m.form().scaleBytes() / 2).add(m.form().zero())
                .add(m.form().group()).add(m.inputs()).add(m.outputs());
    }
}
