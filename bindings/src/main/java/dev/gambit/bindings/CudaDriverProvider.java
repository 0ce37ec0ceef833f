package dev.gambit.bindings;

/** An implementation of {@link CudaDriver} in a jar of its own, found through {@link java.util.ServiceLoader}. */
public interface CudaDriverProvider {

    /** {@return the name to choose it by, such as {@code jcuda}} */
    String name();

    /**
     * Starts the driver.
     *
     * @return the driver, started
     * @throws CudaUnavailableException if it cannot be used here
     */
    CudaDriver open();
}
