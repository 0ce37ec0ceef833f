package dev.gambit.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** A launch with everything decided: run it any number of times, in any stream, captured or not. */
public final class KernelLaunch {

    private final CudaDriver driver;
    private final CudaFunction function;
    private final LaunchConfig config;
    private final KernelParameters parameters;

    /** A launch of a kernel that waits for the one before it by itself, where the set lets it. */
    static KernelLaunch dependent(
            KernelModules modules, CudaFunction function, LaunchConfig config, ArgumentBlock arguments) {
        return new KernelLaunch(modules, function, config.withDependent(modules.dependentLaunches()), arguments);
    }

    /** A launch that begins when the one before it has ended. */
    KernelLaunch(KernelModules modules, CudaFunction function, LaunchConfig config, ArgumentBlock arguments) {
        driver = modules.driver();
        this.function = function;
        this.config = config;
        parameters = KernelParameters.builder().add(arguments.toBytes()).build();
    }

    /** {@return grid, block and shared memory} */
    public LaunchConfig config() {
        return config;
    }

    /** Puts it into a stream. @param stream the stream */
    public void run(CudaStream stream) {
        driver.launch(function, config, stream, parameters);
    }

    @Override
    public String toString() {
        return function.name() + " " + config.gridX() + "x" + config.gridY();
    }
}
