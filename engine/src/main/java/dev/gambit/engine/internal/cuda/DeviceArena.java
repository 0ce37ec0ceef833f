package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaHandle;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Memory of one owner on the device and pinned on the host, freed together. */
final class DeviceArena implements AutoCloseable {

    private final CudaDriver driver;
    private final List<CudaHandle> handles = new ArrayList<>();
    private long bytes;

    DeviceArena(CudaDriver driver) {
        this.driver = driver;
    }

    /** Allocates device memory of undefined content. */
    DeviceMemory allocate(long size) {
        DeviceMemory m = driver.allocate(Math.max(16, size));
        handles.add(m);
        bytes += m.size();
        return m;
    }

    /** Allocates room for {@code n} floats. */
    DeviceMemory floats(long n) {
        return allocate(4 * n);
    }

    /** Allocates memory that is zero. */
    DeviceMemory zeroed(long size) {
        long words = Math.max(16, (size + 3) / 4 * 4);
        DeviceMemory m = allocate(words);
        driver.copyToDevice(m, 0, MemorySegment.ofArray(new byte[Math.toIntExact(words)]));
        return m;
    }

    /** Copies floats to the device; null gives null. */
    DeviceMemory copyOf(float[] values) {
        if (values == null) {
            return null;
        }
        DeviceMemory m = floats(values.length);
        driver.copyToDevice(m, 0, MemorySegment.ofArray(values));
        return m;
    }

    /** Copies doubles to the device. */
    DeviceMemory copyOf(double[] values) {
        DeviceMemory m = allocate(8L * values.length);
        driver.copyToDevice(m, 0, MemorySegment.ofArray(values));
        return m;
    }

    /** Allocates pinned host memory that kernels can address. */
    HostMemory host(long size) {
        HostMemory m = driver.allocateHost(size);
        handles.add(m);
        m.segment().fill((byte) 0);
        return m;
    }

    /** Frees memory before the others. */
    void free(CudaHandle handle) {
        if (handles.remove(handle) && handle instanceof DeviceMemory m) {
            bytes -= m.size();
        }
        handle.close();
    }

    /** Returns the bytes of device memory. */
    long byteSize() {
        return bytes;
    }

    @Override
    public void close() {
        for (CudaHandle handle : handles.reversed()) {
            handle.close();
        }
        handles.clear();
    }
}
