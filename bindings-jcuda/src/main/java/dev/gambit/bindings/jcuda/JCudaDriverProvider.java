package dev.gambit.bindings.jcuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDriverProvider;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.jcuda.internal.JCudaDriver;

/** Offers JCuda's driver under the name {@code jcuda}. */
public final class JCudaDriverProvider implements CudaDriverProvider {

    /** For {@link java.util.ServiceLoader}. */
    public JCudaDriverProvider() {}

    @Override
    public String name() {
        return CudaDrivers.JCUDA;
    }

    @Override
    public CudaDriver open() {
        return JCudaDriver.open();
    }
}
