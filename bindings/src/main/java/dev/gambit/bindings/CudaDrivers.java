package dev.gambit.bindings;

import dev.gambit.bindings.internal.FfmCudaDriver;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Where a {@link CudaDriver} comes from. */
public final class CudaDrivers {

    /** The implementation through Java's foreign functions, which needs nothing but the NVIDIA driver. */
    public static final String FFM = "ffm";
    /** The implementation through JCuda, in an artifact of its own (gambit-bindings-jcuda), for x86-64 Linux. */
    public static final String JCUDA = "jcuda";

    private CudaDrivers() {}

    /** {@return the names that {@link #open} takes here} */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        names.add(FFM);
        for (CudaDriverProvider provider : ServiceLoader.load(CudaDriverProvider.class)) {
            names.add(provider.name());
        }
        return names;
    }

    /**
     * Starts the CUDA driver. Call it once and keep the result; there is nothing to close.
     *
     * @param name {@code ffm} or {@code jcuda}
     * @return the driver, with at least one GPU
     * @throws CudaUnavailableException if CUDA cannot be used here, or the name is not known
     */
    public static CudaDriver open(String name) {
        if (name.equals(FFM)) {
            return FfmCudaDriver.open();
        }
        try {
            for (CudaDriverProvider provider : ServiceLoader.load(CudaDriverProvider.class)) {
                if (provider.name().equals(name)) {
                    return provider.open();
                }
            }
        } catch (ServiceConfigurationError e) {
            throw unavailable("CUDA driver " + name + ": its jar cannot be used (" + e.getMessage() + ")", e);
        }
        if (name.equals(JCUDA)) {
            throw unavailable(
                    "CUDA driver jcuda: expected gambit-bindings-jcuda and JCuda with its natives on the class"
                            + " path, found none; use --cuda-driver ffm, which needs no further jar", null);
        }
        throw unavailable("CUDA driver: expected one of " + String.join(", ", names()) + ", found " + name
                + "; use --cuda-driver ffm", null);
    }

    private static CudaUnavailableException unavailable(String message, Throwable cause) {
        return new CudaUnavailableException(CudaUnavailableException.Reason.NO_IMPLEMENTATION, message, cause);
    }
}
