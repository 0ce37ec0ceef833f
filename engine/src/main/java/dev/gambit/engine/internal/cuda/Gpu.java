package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDevice;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.DeviceAttribute;
import dev.gambit.engine.GambitException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The GPU that models run on: the first that the driver lists ({@code CUDA_VISIBLE_DEVICES} chooses another).
 *
 * @param driver how CUDA is called
 * @param device the GPU
 * @param multiprocessors it has
 * @param readsInPlace whether a file's pages are registered and read where they are: for GPUs that share the host's memory;
 *     {@code -Dgambit.cuda.load=registered|copied} overrules that
 */
record Gpu(CudaDriver driver, CudaDevice device, int multiprocessors, boolean readsInPlace) {

    private static final String LOAD = "gambit.cuda.load";

    /** Compute capability that the kernels need: tensor cores that multiply half floats, asynchronous copies. */
    private static final int MIN_CAPABILITY = 80;

    private static final Map<String, CudaDriver> DRIVERS = new ConcurrentHashMap<>();

    /**
     * Starts CUDA, once a process and driver.
     *
     * @param driverName {@code ffm} or {@code jcuda}
     * @throws CudaException where it cannot be used; the message says why
     */
    static Gpu open(String driverName) {
        CudaDriver driver = DRIVERS.computeIfAbsent(driverName, CudaDrivers::open);
        CudaDevice device = driver.devices().getFirst();
        if (device.computeCapability() < MIN_CAPABILITY) {
            throw new CudaException(device.name() + ": expected compute capability 8.0 or higher, found " + device
                    .major()
                    + "." + device.minor() + "; use --backend cpu");
        }
        return new Gpu(
                driver,
                device,
                driver.attribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT),
                readsInPlace(driver, device));
    }

    private static boolean readsInPlace(CudaDriver driver, CudaDevice device) {
        String how = System.getProperty(LOAD);
        if (how == null) {
            return driver.attribute(device, DeviceAttribute.INTEGRATED) != 0
                    && driver.attribute(device, DeviceAttribute.HOST_REGISTER_SUPPORTED) != 0;
        }
        return switch (how) {
            case "registered" -> true;
            case "copied" -> false;
            default -> throw new GambitException(
                    GambitException.line(LOAD, "registered or copied", how, "leave the property out or correct it"));
        };
    }
}
