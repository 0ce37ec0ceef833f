package dev.gambit.bindings;

/** CUDA cannot be used here; the message says why and what would help. */
public final class CudaUnavailableException extends CudaException {

    private static final long serialVersionUID = 1L;

    /** Why there is no CUDA. */
    public enum Reason {
        /** No {@code libcuda.so.1}: no NVIDIA driver is installed, or a container was not given one. */
        NO_LIBRARY,
        /** The driver is older than what the PTX texts need. */
        DRIVER_TOO_OLD,
        /** A driver, but no GPU that it can see. */
        NO_DEVICE,
        /** The driver is there and does not start. */
        NOT_STARTED,
        /** Nothing implements the driver that was asked for: an unknown name, or a jar that is missing. */
        NO_IMPLEMENTATION
    }

    private final Reason reason;

    /**
     * @param reason why
     * @param message one line: what, expected, found, cure
     * @param cause what was caught, or null
     */
    public CudaUnavailableException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    CudaUnavailableException(Reason reason, String call, int code, String errorName, String message) {
        super(call, code, errorName, message);
        this.reason = reason;
    }

    /** {@return why} */
    public Reason reason() {
        return reason;
    }
}
