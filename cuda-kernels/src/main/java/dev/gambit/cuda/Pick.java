package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code pick}: the likeliest tokens, handed to the next step and reported to the host. */
public final class Pick {

    /** The most candidates that a step reports. */
    public static final int MAX_CANDIDATES = 128;

    private static final int MAX_PARTS = 1024;
    private static final int MAX_SLICE = 1024;

    private final KernelModules kernels;
    private final CudaFunction function;
    private final int vocabulary;
    private final int slice;

    /**
     * @param kernels where the kernels come from
     * @param vocabulary number of logits, at most a million
     */
    public Pick(KernelModules kernels, int vocabulary) {
        if (vocabulary > MAX_PARTS * MAX_SLICE) {
            throw new IllegalArgumentException(
                    "vocabulary: expected at most " + MAX_PARTS * MAX_SLICE + " tokens, found " + vocabulary);
        }
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        slice = MAX_SLICE;
        function = kernels.function("pick", "pick", 0);
    }

    private int partCount() {
        return (vocabulary + slice - 1) / slice;
    }

    /** {@return the bytes of the parts' candidates} */
    public long bestBytes() {
        return 8L * partCount() * MAX_CANDIDATES;
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param step the step's record, which receives the likeliest token
     * @param logits {@code float[vocabulary]}
     * @param best {@link #bestBytes}
     * @param ticket 4 bytes, zero before the first launch
     * @param reports the ring of reports as the device sees it
     * @param reportBytes {@link StepLayout#reportBytes} for {@link #MAX_CANDIDATES}
     * @param counters {@code int[counterCount]}, copied into the report
     * @param counterCount how many
     */
    public void launch(CudaStream stream, DeviceMemory step, DeviceMemory logits, DeviceMemory best,
            DeviceMemory ticket,
            DeviceMemory reports, int reportBytes, DeviceMemory counters, int counterCount) {
        LaunchConfig config = LaunchConfig.of(partCount(), 256);
        kernels.driver().launch(function, config, stream, KernelParameters.builder().add(step).add(logits).add(
                vocabulary)
                .add(slice).add(best).add(MAX_CANDIDATES).add(ticket).add(reports).add(reportBytes).add(counters)
                .add(counterCount).build());
    }
}
