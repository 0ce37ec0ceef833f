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

    /** Looks up the token of a step's record: {@code out} receives {@code float[n_embd]}. */
    public void launchStep(CudaStream stream, DeviceMemory step, DeviceMemory out) {
        launch(stream, step, null, 1, out, matrix.inputs());
    }

    /** Looks up {@code int[count]} tokens: {@code out} receives {@code float[count][stride]}. */
    public void launchRows(CudaStream stream, DeviceMemory tokens, int count, DeviceMemory out, int stride) {
        launch(stream, null, tokens, count, out, stride);
    }

    private void launch(CudaStream stream, DeviceMemory step, DeviceMemory tokens, int count, DeviceMemory out,
            int stride) {
        KernelParameters.Builder p = KernelParameters.builder().add(step).add(tokens);
        Planes.add(p, matrix);
        kernels.driver().launch(function, LaunchConfig.of(count, THREADS).withDependent(step != null && kernels.dependentLaunches()), stream, p.add(out).add(stride).build());
    }
}
