package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/**
 * {@code step_begin}: takes the next command out of the ring, computes the position's rotary angles and looks up the token's
 * embedding.
 */
public final class StepBegin {

    private final KernelModules kernels;
    private final CudaFunction function;
    private final LaunchConfig config;
    private final DeviceMatrix embedding;

    /**
     * @param kernels where the kernel comes from
     * @param embedding {@code [vocabulary][n_embd]} by rows
     */
    public StepBegin(KernelModules kernels, DeviceMatrix embedding) {
        Check.that(embedding.layout() == MatrixLayout.ROWS, "embeddings: expected rows layout, found columns");
        this.embedding = embedding;
        this.kernels = kernels;
        config = LaunchConfig.of(1, 512);
        function = kernels.function("step_begin", "step_begin_" + Planes.plane(embedding.form()), 0);
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param step the step's record, {@link StepLayout#STEP_BYTES}
     * @param commands the ring, as the device sees it
     * @param slots commands in the ring
     * @param frequency radians a position for each pair, {@code double[pairs]}
     * @param pairs pairs of a head that are rotated
     * @param cosine receives {@code float[pairs]}
     * @param sine receives {@code float[pairs]}
     * @param counters {@code int[count]}, set to zero
     * @param counterCount how many; 0 for none
     * @param hidden receives {@code float[n_embd]}
     */
    public void launch(CudaStream stream, DeviceMemory step, DeviceMemory commands, int slots, DeviceMemory frequency,
            int pairs, DeviceMemory cosine, DeviceMemory sine, DeviceMemory counters, int counterCount,
            DeviceMemory hidden) {
        KernelParameters.Builder p = KernelParameters.builder().add(step).add(commands).add(slots).add(frequency).add(
                pairs)
                .add(cosine).add(sine).add(counters).add(counterCount);
        Planes.add(p, embedding);
        kernels.driver().launch(function, config, stream, p.add(hidden).build());
    }
}
