package dev.gambit.bindings;

/** A kernel's attribute ({@code CUfunction_attribute}). */
public enum FunctionAttribute {
    /** Most threads a block can have with the registers that the kernel uses. */
    MAX_THREADS_PER_BLOCK(0),
    /** Bytes of shared memory that the kernel declares itself. */
    SHARED_SIZE_BYTES(1),
    /** Bytes of local memory per thread: not 0 when registers spill. */
    LOCAL_SIZE_BYTES(3),
    /** Registers per thread. */
    NUM_REGS(4),
    /** PTX version it was compiled from, ten times the major plus the minor number. */
    PTX_VERSION(5),
    /** Compute capability it was compiled for, as {@link CudaDevice#computeCapability}. */
    BINARY_VERSION(6),
    /** Bytes of dynamic shared memory a launch may ask for; may be set, up to the device's limit. */
    MAX_DYNAMIC_SHARED_SIZE_BYTES(8),
    /** Share of the L1 cache to use as shared memory, in percent; may be set. */
    PREFERRED_SHARED_MEMORY_CARVEOUT(9),
    /** Whether clusters of more than eight blocks are allowed; may be set. */
    NON_PORTABLE_CLUSTER_SIZE_ALLOWED(14);

    private final int code;

    FunctionAttribute(int code) {
        this.code = code;
    }

    /** {@return CUDA's number} */
    public int code() {
        return code;
    }
}
