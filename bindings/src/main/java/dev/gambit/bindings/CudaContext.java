package dev.gambit.bindings;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A device's primary context, retained once per instance. Everything made while it is current belongs to it, and
 * closing it closes what is still open, the newest first, before the context is released.
 * <p>
 * CUDA keeps the current context per operating system thread: call {@link #makeCurrent} at the start of whatever runs
 * on a thread (it takes well under a microsecond). Virtual threads change their thread and are refused.
 */
public final class CudaContext extends CudaHandle {

    private final CudaDevice device;
    /** In the order of making. */
    private final Set<CudaHandle> handles = new LinkedHashSet<>();
    /** The sticky error that this context has had; 0 if none. */
    private volatile int poison;

    CudaContext(CheckedCudaDriver driver, CudaDevice device, Object peer) {
        super(driver, null, "the context of GPU " + device.ordinal(), peer);
        this.device = device;
    }

    /** {@return the device} */
    public CudaDevice device() {
        return device;
    }

    /**
     * Makes it the calling thread's current context.
     *
     * @throws CudaException on a virtual thread
     * @throws CudaClosedException after {@link #close}
     */
    public void makeCurrent() {
        driver.setCurrent(this);
    }

    /** {@return how many handles made in it are still open} */
    public int openHandles() {
        synchronized (handles) {
            return handles.size();
        }
    }

    /** {@return whether an error such as an illegal address has made it unusable for the rest of the process} */
    public boolean isPoisoned() {
        return poison != 0;
    }

    /** Closes what was made in it and is still open, the newest first, and releases the context. */
    @Override
    public void close() {
        if (!isOpen()) {
            return;
        }
        CudaException first = null;
        for (CudaHandle handle : newestFirst()) {
            try {
                handle.close();
            } catch (CudaException e) {
                first = joined(first, e);
            }
        }
        try {
            super.close();
        } catch (CudaException e) {
            first = joined(first, e);
        }
        if (first != null) {
            throw first;
        }
    }

    private List<CudaHandle> newestFirst() {
        synchronized (handles) {
            return new ArrayList<>(handles).reversed();
        }
    }

    private static CudaException joined(CudaException first, CudaException next) {
        if (first == null) {
            return next;
        }
        first.addSuppressed(next);
        return first;
    }

    void adopt(CudaHandle handle) {
        synchronized (handles) {
            handles.add(handle);
        }
    }

    void forget(CudaHandle handle) {
        synchronized (handles) {
            handles.remove(handle);
        }
    }

    void poison(int code) {
        poison = code;
    }
}
