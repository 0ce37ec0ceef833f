package dev.gambit.bindings;

/** The device, or the host for pinned memory, has too little memory left. Everything made before stays usable. */
public final class CudaOutOfMemoryException extends CudaException {

    private static final long serialVersionUID = 1L;

    /** How much was asked for. */
    private final long bytes;

    CudaOutOfMemoryException(String call, int code, String errorName, String message, long bytes) {
        super(call, code, errorName, message);
        this.bytes = bytes;
    }

    /** {@return how many bytes were asked for; 0 where the call does not say} */
    public long bytes() {
        return bytes;
    }
}
