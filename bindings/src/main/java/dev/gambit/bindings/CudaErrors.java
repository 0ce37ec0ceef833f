package dev.gambit.bindings;

/** What is known about the driver's error codes beyond their names: which are sticky, and what helps. */
final class CudaErrors {

    static final int SUCCESS = 0;
    static final int INVALID_VALUE = 1;
    static final int OUT_OF_MEMORY = 2;
    static final int NOT_INITIALIZED = 3;
    static final int DEINITIALIZED = 4;
    static final int STUB_LIBRARY = 34;
    static final int NO_DEVICE = 100;
    static final int INVALID_DEVICE = 101;
    static final int INVALID_IMAGE = 200;
    static final int INVALID_CONTEXT = 201;
    static final int NO_BINARY_FOR_GPU = 209;
    static final int ECC_UNCORRECTABLE = 214;
    static final int INVALID_PTX = 218;
    static final int NVLINK_UNCORRECTABLE = 220;
    static final int JIT_COMPILER_NOT_FOUND = 221;
    static final int UNSUPPORTED_PTX_VERSION = 222;
    static final int INVALID_HANDLE = 400;
    static final int NOT_FOUND = 500;
    static final int NOT_READY = 600;
    static final int ILLEGAL_ADDRESS = 700;
    static final int LAUNCH_OUT_OF_RESOURCES = 701;
    static final int LAUNCH_TIMEOUT = 702;
    static final int ASSERT = 710;
    static final int HOST_MEMORY_ALREADY_REGISTERED = 712;
    static final int HARDWARE_STACK_ERROR = 714;
    static final int LAUNCH_FAILED = 719;
    static final int NOT_SUPPORTED = 801;
    static final int SYSTEM_NOT_READY = 802;
    static final int SYSTEM_DRIVER_MISMATCH = 803;
    static final int STREAM_CAPTURE_UNSUPPORTED = 900;
    static final int STREAM_CAPTURE_WRONG_THREAD = 908;
    static final int UNKNOWN = 999;

    private CudaErrors() {}

    /** Whether the error stays with the context: each later call returns it again. */
    static boolean isSticky(int code) {
        return code == ECC_UNCORRECTABLE || code == NVLINK_UNCORRECTABLE || code == ILLEGAL_ADDRESS
                || code == LAUNCH_TIMEOUT || code == ASSERT || code >= HARDWARE_STACK_ERROR && code <= LAUNCH_FAILED;
    }

    /** What helps against an error; empty where only its name is known. */
    static String cure(int code) {
        return switch (code) {
            case OUT_OF_MEMORY -> "close what else uses the GPU, or take a smaller model, context or weight type";
            case NOT_INITIALIZED, DEINITIALIZED -> "the driver is not started, or the process is ending";
            case STUB_LIBRARY -> "the CUDA toolkit's stub was loaded in place of the driver; "
                    + "take its stubs folder out of LD_LIBRARY_PATH";
            case NO_DEVICE -> "check nvidia-smi and CUDA_VISIBLE_DEVICES; a container needs --gpus all";
            case INVALID_CONTEXT -> "make the context current on the calling thread first (CudaContext.makeCurrent)";
            case INVALID_IMAGE, INVALID_PTX -> "the PTX text is not valid for this GPU; the log says where";
            case NO_BINARY_FOR_GPU -> "the GPU is older than what the PTX text was compiled for";
            case UNSUPPORTED_PTX_VERSION -> "the driver is older than the PTX text; update the NVIDIA driver";
            case JIT_COMPILER_NOT_FOUND -> "install the driver's libnvidia-ptxjitcompiler "
                    + "(in a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility)";
            case SYSTEM_DRIVER_MISMATCH -> "the kernel module and libcuda are of different versions; reboot";
            case SYSTEM_NOT_READY -> "a service that this GPU needs does not run (nvidia-fabricmanager)";
            case NOT_FOUND -> "check the name; kernels need extern \"C\"";
            case LAUNCH_OUT_OF_RESOURCES -> "fewer threads or less shared memory per block";
            case STREAM_CAPTURE_UNSUPPORTED -> "only asynchronous calls on the captured stream may be captured";
            case STREAM_CAPTURE_WRONG_THREAD -> "end the capture on the thread that began it";
            default -> isSticky(code) ? "the GPU's context is lost for this process; start it again" : "";
        };
    }
}
