package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code attend_rows}: attention of a batch of positions over the cache. */
public final class AttendRows {

    private static final int ROWS = 64;
    private static final int SPAN = 32;

    private final KernelModules kernels;
    private final AttentionShape shape;
    private final CudaFunction function;
    private final int sharedBytes;

    /**
     * @param kernels where the kernel comes from
     * @param shape of the attention
     */
    public AttendRows(KernelModules kernels, AttentionShape shape) {
        this.kernels = kernels;
        this.shape = shape;
        int longest = Math.max(shape.keyLength(), shape.valueLength());
        int length = longest <= 32 ? 32 : longest <= 64 ? 64 : longest <= 128 ? 128 : 256;
        sharedBytes = 4 * ((ROWS + SPAN) * (length + 4) + ROWS * (SPAN + 1));
        function = kernels.function("attend_rows", "attend_rows_" + length, sharedBytes);
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param q rotated queries, {@code float[rows][heads · keyLength]}
     * @param keys address of the layer's keys
     * @param values address of the layer's values
     * @param out receives {@code float[rows][heads · valueLength]}
     * @param start position of the first row
     * @param rows positions
     */
    public void launch(CudaStream stream, DeviceMemory q, long keys, long values, DeviceMemory out, int start,
            int rows) {
        LaunchConfig config = LaunchConfig.of((rows + ROWS - 1) / ROWS, 256, sharedBytes)
                .withGrid((rows + ROWS - 1) / ROWS, shape.heads(), 1);
        kernels.driver().launch(function, config, stream, KernelParameters.builder().add(q).addAddress(keys)
                .add(shape.keyType()).addAddress(values).add(shape.valueType()).add(out).add(start).add(rows)
                .add(shape.heads()).add(shape.kvHeads()).add(shape.keyLength()).add(shape.valueLength())
                .add(shape.scale()).build());
    }
}
