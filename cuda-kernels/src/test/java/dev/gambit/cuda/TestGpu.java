package dev.gambit.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaDevice;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.CudaUnavailableException;
import dev.gambit.bindings.DeviceMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The GPU that kernel tests run on. {@code -Dgambit.cuda.driver=ffm|jcuda} and {@code -Dgambit.cuda.set=compute_80|sm_90}
 * choose driver and PTX set; without a GPU the tests are skipped and say why.
 */
final class TestGpu implements AutoCloseable {

    final CudaDriver driver;
    final CudaStream stream;
    final KernelModules modules;
    private final CudaContext context;
    private static String missing;

    private final List<DeviceMemory> memory = new ArrayList<>();

    private TestGpu(CudaDriver driver) {
        this.driver = driver;
        CudaDevice device = driver.devices().get(0);
        context = driver.retainPrimaryContext(device);
        stream = driver.createStream();
        String set = System.getProperty("gambit.cuda.set");
        modules = set == null
                ? new KernelModules(driver, device)
                : new KernelModules(driver, device, PtxSet.valueOf(set.toUpperCase(java.util.Locale.ROOT)));
    }

    /** {@return the first GPU; null where there is none} */
    static TestGpu open() {
        String name = System.getProperty("gambit.cuda.driver", CudaDrivers.FFM);
        try {
            return new TestGpu(CudaDrivers.open(name));
        } catch (CudaUnavailableException e) {
            missing = "no GPU: " + e.getMessage();
            return null;
        }
    }

    /** Skips the test, by its own name, where there is no GPU. */
    static void assumeThere(TestGpu gpu) {
        assumeTrue(gpu != null, () -> missing);
    }

    DeviceMemory upload(float[] values) {
        return upload(MemorySegment.ofArray(values));
    }

    DeviceMemory upload(byte[] values) {
        return upload(MemorySegment.ofArray(values));
    }

    private DeviceMemory upload(MemorySegment values) {
        DeviceMemory m = allocate(values.byteSize());
        driver.copyToDevice(m, 0, values);
        return m;
    }

    DeviceMemory allocate(long bytes) {
        DeviceMemory m = driver.allocate(bytes);
        memory.add(m);
        return m;
    }

    /** Memory for floats that holds NaN, so that what a kernel leaves out shows. */
    DeviceMemory poisoned(int count) {
        float[] values = new float[count];
        java.util.Arrays.fill(values, Float.NaN);
        return upload(values);
    }

    float[] download(DeviceMemory m, int count) {
        driver.synchronize(stream);
        float[] values = new float[count];
        driver.copyToHost(MemorySegment.ofArray(values), m, 0);
        return values;
    }

    int downloadInt(DeviceMemory m) {
        return Float.floatToRawIntBits(download(m, 1)[0]);
    }

    byte[] downloadBytes(DeviceMemory m) {
        driver.synchronize(stream);
        byte[] values = new byte[Math.toIntExact(m.size())];
        driver.copyToHost(MemorySegment.ofArray(values), m, 0);
        return values;
    }

    DeviceMemory counter() {
        return upload(new float[1]);
    }

    /** Gives back what a test case has allocated. */
    void release() {
        driver.synchronize(stream);
        memory.forEach(DeviceMemory::close);
        memory.clear();
    }

    @Override
    public void close() {
        modules.close();
        context.close();
    }
}
