package dev.gambit.engine.testing;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDriverProvider;
import dev.gambit.bindings.testing.RecordingCudaDriver;

/** Makes the fake GPU a driver by name, so that a model can be opened on it. Its kernels do nothing. */
public final class RecordingDriverProvider implements CudaDriverProvider {

    /** The name to choose it by. */
    public static final String NAME = "recording";

    /** The one fake of the process: the engine keeps a driver once it is open. */
    public static final RecordingCudaDriver DRIVER = RecordingCudaDriver.open(87, 8L << 30);

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public CudaDriver open() {
        return DRIVER;
    }
}
