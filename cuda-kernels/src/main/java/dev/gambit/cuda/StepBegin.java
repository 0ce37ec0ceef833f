package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code step_begin}: takes the next command out of the ring and computes the position's rotary angles. */
public final class StepBegin {

    private static final LaunchConfig ONE_BLOCK = LaunchConfig.of(1, 256);

    private final KernelModules kernels;
    private final CudaFunction function;

    /**
     * @param kernels where the kernel comes from
     */
    public StepBegin(KernelModules kernels) {
        this.kernels = kernels;
        function = kernels.function("step_begin", "step_begin", 0);
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
     */
    public void launch(CudaStream stream, DeviceMemory step, DeviceMemory commands, int slots, DeviceMemory frequency,
            int pairs, DeviceMemory cosine, DeviceMemory sine, DeviceMemory counters, int counterCount) {
        kernels.driver().launch(function, ONE_BLOCK, stream, KernelParameters.builder().add(step).add(commands).add(
                slots)
                .add(frequency).add(pairs).add(cosine).add(sine).add(counters).add(counterCount).build());
    }
}
