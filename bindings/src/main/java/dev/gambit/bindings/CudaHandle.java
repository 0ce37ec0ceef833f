package dev.gambit.bindings;

/**
 * Something the driver made: it belongs to the context that was current when it was made, is released once by
 * {@link #close} (a second close does nothing), at the latest when that context closes, and says so when it is used
 * after that. Handles may be used from any thread on which their context is current, one thread at a time.
 */
public abstract sealed class CudaHandle implements AutoCloseable
        permits CudaContext, CudaModule, CudaStream, CudaEvent, CudaGraph, CudaGraphExec, DeviceMemory, HostMemory {

    final CheckedCudaDriver driver;
    /** The owner; null for a context, which nobody owns, and for a view of another handle. */
    final CudaContext context;
    /** What it is in messages, such as {@code device memory of 4096 bytes}. */
    private final String description;
    /** The implementation's own object for it. */
    private final Object peer;
    private volatile boolean closed;

    CudaHandle(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        this.driver = driver;
        this.context = context;
        this.description = description;
        this.peer = peer;
    }

    /** {@return the implementation's own object} @throws CudaClosedException after {@link #close} */
    final Object peer() {
        if (!isOpen()) {
            throw new CudaClosedException(description + " was used after it was closed; keep it, or what it belongs to"
                    + ", open for as long as it is used");
        }
        return peer;
    }

    /** {@return whether it may still be used} */
    public boolean isOpen() {
        return !closed;
    }

    /**
     * Releases it. The first call does, further ones do nothing. No particular context need be current. After an
     * error that poisoned the context nothing can be released any more, and nothing is thrown for it.
     *
     * @throws CudaException if the driver does not release it
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        beforeRelease();
        driver.release(this, peer);
    }

    /** What a kind of handle does before the driver releases it; once. */
    void beforeRelease() {}

    @Override
    public String toString() {
        return description + (isOpen() ? "" : " (closed)");
    }
}
