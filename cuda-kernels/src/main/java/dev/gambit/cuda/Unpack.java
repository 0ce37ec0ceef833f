package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code unpack}: a run of a matrix's outputs as half floats, for {@link Gemm}. */
public final class Unpack {

    private static final int THREADS = 256;
    private static final int TILE = 64;
    private static final int MAX_BLOCKS = 8192;

    private final KernelModules kernels;

    /**
     * @param kernels where the kernels come from
     */
    public Unpack(KernelModules kernels) {
        this.kernels = kernels;
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param m the matrix, of either layout
     * @param first the first output, a multiple of 4
     * @param count outputs
     * @param stride halves of a row, at least the matrix's inputs and a multiple of 4
     * @param high receives {@code half[count][stride]}
     * @param low receives what rounding left over; null if nobody asks
     */
    public void launch(CudaStream stream, DeviceMatrix m, int first, int count, int stride, DeviceMemory high,
            DeviceMemory low) {
        boolean rows = m.layout() == MatrixLayout.ROWS;
        CudaFunction function =
                kernels.function("unpack", (rows ? "unpack_rows_" : "unpack_columns_") + Planes.plane(m.form()), 0);
        LaunchConfig config = rows
                ? LaunchConfig.of((int) Math.min(MAX_BLOCKS, ((long) count * stride / 4 + THREADS - 1) / THREADS),
                        THREADS)
                : LaunchConfig.of(1, THREADS).withGrid((count + TILE - 1) / TILE, (stride + TILE - 1) / TILE, 1);
        KernelParameters.Builder p = KernelParameters.builder();
        Planes.add(p, m);
        kernels.driver().launch(function, config, stream,
                p.add(first).add(count).add(stride).add(high).add(low).build());
    }
}
