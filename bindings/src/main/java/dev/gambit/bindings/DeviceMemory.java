package dev.gambit.bindings;

import java.util.Objects;

/**
 * A range of memory that kernels can address: allocated on the device, or a view (a slice of another range, the device's
 * view of host memory, a module's global variable), which lives as long as what it is a view of and whose own
 * {@link #close} does nothing.
 */
public final class DeviceMemory extends CudaHandle {

    private final long address;
    private final long size;
    /** What this is a view of; null for memory of its own. */
    private final CudaHandle parent;

    DeviceMemory(CheckedCudaDriver driver, CudaContext context, long address, long size) {
        super(driver, context, "device memory of " + size + " bytes", null);
        this.address = address;
        this.size = size;
        this.parent = null;
    }

    DeviceMemory(CudaHandle parent, long address, long size) {
        super(parent.driver, null, "a view of " + size + " bytes of " + parent, null);
        this.address = address;
        this.size = size;
        this.parent = parent;
    }

    /** {@return the address on the device} @throws CudaClosedException after it was closed */
    public long address() {
        peer();
        return address;
    }

    /** {@return the address, whether it is open or not} */
    long rawAddress() {
        return address;
    }

    /** {@return bytes} */
    public long size() {
        return size;
    }

    /** {@return whether it, or what it is a view of, is open} */
    @Override
    public boolean isOpen() {
        return parent == null ? super.isOpen() : parent.isOpen();
    }

    /**
     * A part of it.
     *
     * @param offset bytes from the start, at least 0
     * @param bytes how many, at most {@code size() - offset}
     * @return a view
     * @throws IndexOutOfBoundsException if it does not lie within
     */
    public DeviceMemory slice(long offset, long bytes) {
        Objects.checkFromIndexSize(offset, bytes, size);
        return new DeviceMemory(parent == null ? this : parent, address() + offset, bytes);
    }

    /** Releases it; does nothing for a view. */
    @Override
    public void close() {
        if (parent == null) {
            super.close();
        }
    }
}
