package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.LaunchConfig;
import java.util.Locale;

/**
 * {@code repack}: turns a GGUF tensor's raw bytes on the device into a {@link DeviceMatrix}'s planes, without rounding.
 * Rows may come in parts, so that a small buffer suffices.
 */
public final class Repack {

    /** A GGUF tensor type. */
    public enum Type {
        /** Floats. */
        F32(WeightForm.F32, 4, 1),
        /** Half floats. */
        F16(WeightForm.F16, 2, 1),
        /** bfloat16. */
        BF16(WeightForm.BF16, 2, 1),
        /** 32 weights in 34 bytes. */
        Q8_0(WeightForm.I8, 34, 32),
        /** 32 weights in 18 bytes. */
        Q4_0(WeightForm.U4, 18, 32),
        /** 32 weights in 20 bytes. */
        Q4_1(WeightForm.U4_MIN, 20, 32),
        /** 32 weights in 22 bytes. */
        Q5_0(WeightForm.I8, 22, 32),
        /** 32 weights in 24 bytes. */
        Q5_1(WeightForm.I8_MIN, 24, 32),
        /** 256 weights in 144 bytes. */
        Q4_K(WeightForm.U4_F32_MIN, 144, 256),
        /** 256 weights in 176 bytes. */
        Q5_K(WeightForm.I8_F32_MIN, 176, 256),
        /** 256 weights in 210 bytes. */
        Q6_K(WeightForm.I8_F32_16, 210, 256);

        private final WeightForm form;
        private final int blockBytes;
        private final int blockWeights;

        Type(WeightForm form, int blockBytes, int blockWeights) {
            this.form = form;
            this.blockBytes = blockBytes;
            this.blockWeights = blockWeights;
        }

        /** {@return the form it becomes} */
        public WeightForm form() {
            return form;
        }

        /** {@return the bytes of a row in the file} @param inputs a multiple of the block's weights */
        public long rowBytes(int inputs) {
            Check.that(inputs % blockWeights == 0, this + ": expected a multiple of " + blockWeights + " inputs, found "
                    + inputs);
            return (long) inputs / blockWeights * blockBytes;
        }
    }

    private Repack() {}

    /**
     * Prepares the repacking of some rows.
     *
     * @param modules the kernels
     * @param type of the raw bytes
     * @param raw rows {@code first … first + count − 1} as in the file, at an even address
     * @param matrix of the type's form; its planes are written
     * @param first an even number
     * @param count rows, at least 1; an even number unless they are the last
     * @return the launch
     */
    public static KernelLaunch prepare(
            KernelModules modules, Type type, DeviceMemory raw, DeviceMatrix matrix, int first, int count) {
        Check.that(matrix.form() == type.form(), type + ": expected " + type.form() + ", found " + matrix.form());
        boolean ends = first + count == matrix.outputs();
        Check.that(
                first >= 0 && first % 2 == 0 && count >= 1 && first + count <= matrix.outputs()
                        && (ends || count % 2 == 0),
                "rows to repack: expected whole pairs of " + matrix.outputs() + ", found " + count + " from " + first);
        Check.that(raw.size() >= count * type.rowBytes(matrix.inputs()), "raw rows: expected "
                + count * type.rowBytes(matrix.inputs()) + " bytes, found " + raw.size());
        String name = "repack_" + type.name().toLowerCase(Locale.ROOT);
        CudaFunction function = modules.function("repack", name, 0);
        boolean columns = matrix.layout() == MatrixLayout.COLUMNS;
        long rows = columns && ends ? WeightForm.padded(matrix.outputs()) - first : count;
        long threads = (rows + 1) / 2 * (WeightForm.padded(matrix.inputs()) / 32);
        ArgumentBlock b = new ArgumentBlock()
                .address(raw)
                .matrix(matrix)
                .int32(matrix.inputs())
                .int32(matrix.outputs())
                .int32(first)
                .int32(count)
                .int32(columns ? 1 : 0);
        int blocks = Math.toIntExact((threads + GemvRows.THREADS - 1) / GemvRows.THREADS);
        return new KernelLaunch(modules, function, LaunchConfig.of(blocks, GemvRows.THREADS), b);
    }
}
