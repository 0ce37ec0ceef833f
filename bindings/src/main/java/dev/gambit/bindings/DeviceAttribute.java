package dev.gambit.bindings;

/** A device's attribute ({@code CUdevice_attribute}). */
public enum DeviceAttribute {
    /** Most threads a block can have. */
    MAX_THREADS_PER_BLOCK(1),
    /** Bytes of shared memory a block has without asking for more. */
    MAX_SHARED_MEMORY_PER_BLOCK(8),
    /** Threads that run in step. */
    WARP_SIZE(10),
    /** 32-bit registers a block can use. */
    MAX_REGISTERS_PER_BLOCK(12),
    /** Clock of the processors, kHz. */
    CLOCK_RATE(13),
    /** Streaming multiprocessors. */
    MULTIPROCESSOR_COUNT(16),
    /** Whether a display's watchdog ends long kernels. */
    KERNEL_EXEC_TIMEOUT(17),
    /** Whether the GPU shares the host's memory, as on a Jetson. */
    INTEGRATED(18),
    /** Whether kernels can read host memory in place. */
    CAN_MAP_HOST_MEMORY(19),
    /** 0 if any process may use the GPU, 2 if none, 3 if one. */
    COMPUTE_MODE(20),
    /** Whether memory is protected by error correction. */
    ECC_ENABLED(32),
    /** Clock of the memory, kHz. */
    MEMORY_CLOCK_RATE(36),
    /** Width of the memory's bus, bits. */
    GLOBAL_MEMORY_BUS_WIDTH(37),
    /** Bytes of the second-level cache. */
    L2_CACHE_SIZE(38),
    /** Threads that fit a multiprocessor. */
    MAX_THREADS_PER_MULTIPROCESSOR(39),
    /** Compute capability before the dot. */
    COMPUTE_CAPABILITY_MAJOR(75),
    /** Compute capability after the dot. */
    COMPUTE_CAPABILITY_MINOR(76),
    /** Bytes of shared memory a multiprocessor has. */
    MAX_SHARED_MEMORY_PER_MULTIPROCESSOR(81),
    /** Registers a multiprocessor has. */
    MAX_REGISTERS_PER_MULTIPROCESSOR(82),
    /** Whether all blocks of a kernel can wait for each other. */
    COOPERATIVE_LAUNCH(95),
    /** Bytes of shared memory a block may ask for. */
    MAX_SHARED_MEMORY_PER_BLOCK_OPTIN(97),
    /** Whether host memory can be registered. */
    HOST_REGISTER_SUPPORTED(99),
    /** Blocks that fit a multiprocessor. */
    MAX_BLOCKS_PER_MULTIPROCESSOR(106),
    /** Bytes of shared memory the driver takes of each block's. */
    RESERVED_SHARED_MEMORY_PER_BLOCK(111),
    /** Whether blocks can be launched in clusters. */
    CLUSTER_LAUNCH(120);

    private final int code;

    DeviceAttribute(int code) {
        this.code = code;
    }

    /** {@return CUDA's number} */
    public int code() {
        return code;
    }
}
