package dev.gambit.bindings;

/** The driver's compiler did not accept a PTX text, or a function is missing from it. */
public final class CudaModuleException extends CudaException {

    private static final long serialVersionUID = 1L;

    /** What the compiler printed. */
    private final String log;

    CudaModuleException(String call, int code, String errorName, String message, String log) {
        super(call, code, errorName, message);
        this.log = log;
    }

    /** {@return what the driver's compiler printed, several lines; empty where it printed nothing} */
    public String log() {
        return log;
    }
}
