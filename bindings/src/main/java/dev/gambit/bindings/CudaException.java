package dev.gambit.bindings;

/**
 * A CUDA driver call that failed. The message is one line: the call, CUDA's name, number and text of the error, and
 * what to do about it where that is known.
 */
public class CudaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The driver's call, such as {@code cuMemAlloc_v2}; empty where no call was made. */
    private final String call;
    private final int code;
    private final String errorName;

    /**
     * @param message one line: what, expected, found, cure
     */
    public CudaException(String message) {
        this(message, null);
    }

    /**
     * @param message one line: what, expected, found, cure
     * @param cause what was caught, or null
     */
    public CudaException(String message, Throwable cause) {
        super(message, cause);
        this.call = "";
        this.code = 0;
        this.errorName = "";
    }

    /**
     * @param call the driver's call
     * @param code what it returned, not 0
     * @param errorName CUDA's name for the code, such as {@code CUDA_ERROR_INVALID_VALUE}
     * @param message the whole line
     */
    public CudaException(String call, int code, String errorName, String message) {
        super(message);
        this.call = call;
        this.code = code;
        this.errorName = errorName;
    }

    /** {@return the driver's call that failed, such as {@code cuMemAlloc_v2}; empty where no call was made} */
    public final String call() {
        return call;
    }

    /** {@return CUDA's number for the error; 0 where no call was made} */
    public final int code() {
        return code;
    }

    /** {@return CUDA's name for the error, such as {@code CUDA_ERROR_INVALID_VALUE}; empty where no call was made} */
    public final String errorName() {
        return errorName;
    }

    /**
     * {@return whether every later call on this context will fail too, as after an illegal address in a kernel} CUDA
     * calls such errors sticky: only a new process gets rid of them.
     */
    public final boolean poisonsContext() {
        return CudaErrors.isSticky(code);
    }
}
