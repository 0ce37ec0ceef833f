package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code embed}: rows of a matrix in rows layout as floats, by the ids of tokens. */
public final class Embed {

    private static final int THREADS = 256;

    private final KernelModules kernels;
    private final DeviceMatrix matrix;
    private final CudaFunction function;

    /**
     * @param kernels where the kernel comes from
     * @param matrix {@code [vocabulary][n_embd]} by rows
     */
    public Embed(KernelModules kernels, DeviceMatrix matrix) {
        if (matrix.layout() != MatrixLayout.ROWS) {
            throw new IllegalArgumentException("embeddings: expected rows layout, found " + matrix.layout());
        }
        this.kernels = kernels;
        this.matrix = matrix;
        function = kernels.function("embed", "embed_" + Planes.plane(matrix.form()), 0);
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param tokens {@code int[count]}
     * @param count how many
     * @param out receives {@code float[count][stride]}
     * @param stride at least n_embd
     */
    public void launch(CudaStream stream, DeviceMemory tokens, int count, DeviceMemory out, int stride) {
        KernelParameters.Builder p = KernelParameters.builder().add(tokens);
        Planes.add(p, matrix);
        kernels.driver().launch(function, LaunchConfig.of(count, THREADS), stream, p.add(out).add(stride).build());
    }
}
