package dev.gambit.engine;

import dev.gambit.bindings.CudaDevice;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.DeviceAttribute;
import dev.gambit.cuda.PtxSet;
import java.util.List;

/**
 * What CUDA has to offer on this machine, without a model.
 *
 * @param driver the implementation that was asked: {@code ffm} or {@code jcuda}
 * @param version the newest CUDA version that the NVIDIA driver supports, such as {@code 12.2}
 * @param gpus in the driver's order, at least one; models run on the first
 */
public record CudaSystem(String driver, String version, List<Gpu> gpus) {

    /**
     * A GPU.
     *
     * @param name such as {@code NVIDIA H200}
     * @param uuid as nvidia-smi prints it
     * @param computeCapability such as {@code 9.0}
     * @param memory bytes
     * @param integrated whether it shares the host's memory, as on a Jetson
     * @param multiprocessors how many it has
     * @param bandwidth of its memory by clock and bus, bytes per second; 0 where the driver does not tell
     * @param ptxSet the set of kernels that would be loaded; null where none runs on it
     */
    public record Gpu(
            String name,
            String uuid,
            String computeCapability,
            long memory,
            boolean integrated,
            int multiprocessors,
            long bandwidth,
            String ptxSet) {}

    /** {@return the implementations that are on the class path, the one used by default first} */
    public static List<String> drivers() {
        return CudaDrivers.names();
    }

    /**
     * Starts CUDA and looks at its GPUs.
     *
     * @param driverName {@code ffm} or {@code jcuda}
     * @return what is there
     * @throws GambitException if CUDA cannot be used; the message says why
     */
    public static CudaSystem of(String driverName) {
        try {
            CudaDriver driver = CudaDrivers.open(driverName);
            int v = driver.version();
            return new CudaSystem(
                    driver.name(),
                    v / 1000 + "." + v % 1000 / 10,
                    driver.devices().stream().map(device -> gpu(driver, device)).toList());
        } catch (CudaException e) {
            throw new GambitException(e.getMessage(), e);
        }
    }

    private static Gpu gpu(CudaDriver driver, CudaDevice device) {
        PtxSet set = PtxSet.of(device, driver.supportsLaunchAttributes());
        return new Gpu(
                device.name(),
                device.uuid(),
                device.major() + "." + device.minor(),
                device.totalMemory(),
                driver.attribute(device, DeviceAttribute.INTEGRATED) != 0,
                driver.attribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT),
                driver.memoryBandwidth(device),
                set == null ? null : set.folder());
    }
}
