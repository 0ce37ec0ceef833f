package dev.gambit.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Host memory that the driver has pinned, so that copies run at full speed beside the host's own work: allocated by the
 * driver, or memory of the caller's that was registered with it. On GPUs that share the host's memory kernels read it in
 * place through {@link #deviceView}.
 */
public final class HostMemory extends CudaHandle {

    private final MemorySegment segment;
    private final long address;
    /** Ends the segment of allocated memory; null for registered memory, which is the caller's. */
    private final Arena arena;
    private final DeviceMemory deviceView;

    HostMemory(CheckedCudaDriver driver, CudaContext context, MemorySegment segment, Arena arena,
            long deviceAddress) {
        super(driver, context, (arena == null ? "registered" : "pinned") + " host memory of " + segment.byteSize()
                + " bytes", null);
        this.segment = segment;
        this.address = segment.address();
        this.arena = arena;
        this.deviceView = deviceAddress == 0 ? null : new DeviceMemory(this, deviceAddress, segment.byteSize());
    }

    /** {@return the memory on the host; of allocated memory unusable after {@link #close}} */
    public MemorySegment segment() {
        peer();
        return segment;
    }

    /** {@return the host's address, whether it is open or not} */
    long rawAddress() {
        return address;
    }

    /** {@return bytes} */
    public long size() {
        return segment.byteSize();
    }

    /** {@return whether the memory was allocated by the driver; false if it was the caller's and is registered} */
    public boolean isAllocated() {
        return arena != null;
    }

    /**
     * {@return the same memory as kernels see it; a view, which lives as long as this}
     *
     * @throws CudaException if the device cannot address host memory
     */
    public DeviceMemory deviceView() {
        peer();
        if (deviceView == null) {
            throw new CudaException(this + " has no address on the device; copy it instead");
        }
        return deviceView;
    }

    @Override
    void beforeRelease() {
        if (arena != null) {
            // before the driver frees it: a later access is then refused by Java instead of crashing the process
            arena.close();
        }
    }
}
