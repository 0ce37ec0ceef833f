package dev.gambit.bindings;

/** Something was used after it, or what it belongs to, was closed. */
public final class CudaClosedException extends CudaException {

    private static final long serialVersionUID = 1L;

    CudaClosedException(String message) {
        super(message);
    }
}
