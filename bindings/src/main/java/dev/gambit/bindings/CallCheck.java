package dev.gambit.bindings;

import java.util.function.Supplier;

/** Turns the driver's codes into typed exceptions whose lines name the call, the error and what helps against it. */
final class CallCheck {

    private final DriverCalls calls;
    private final Supplier<CudaContext> current;
    /** An error to be put in place of a call's success, for tests of what follows; null for none. */
    private final FaultInjection fault = FaultInjection.fromProperty();

    CallCheck(DriverCalls calls, Supplier<CudaContext> current) {
        this.calls = calls;
        this.current = current;
    }

    void call(String call, int code) {
        int result = injected(call, code);
        if (result != CudaErrors.SUCCESS) {
            throw exception(call, call, result);
        }
    }

    void allocation(String call, int code, long bytes) {
        int result = injected(call, code);
        if (result != CudaErrors.SUCCESS) {
            String what = call + " of " + bytes + " bytes";
            throw result == CudaErrors.OUT_OF_MEMORY
                    ? new CudaOutOfMemoryException(call, result, errorName(result), line(what, result), bytes)
                    : exception(call, what, result);
        }
    }

    void launch(String call, int code, CudaFunction function) {
        int result = injected(call, code);
        if (result != CudaErrors.SUCCESS) {
            throw exception(call, call + " of " + function, result);
        }
    }

    void module(String call, int code, Supplier<String> what, CharSequence log) {
        int result = injected(call, code);
        if (result != CudaErrors.SUCCESS) {
            if (result == CudaErrors.OUT_OF_MEMORY) {
                throw exception(call, call + " of " + what.get(), result);
            }
            poison(result);
            String text = log.toString().strip();
            String shown = text.isEmpty() ? "" : "; the driver's compiler: " + text.lines().findFirst().orElse("");
            throw new CudaModuleException(call, result, errorName(result),
                    line(call + " of " + what.get(), result) + shown, text);
        }
    }

    /** The exception of a call that failed, {@code what} being what to call it in the message. */
    CudaException exception(String call, String what, int code) {
        poison(code);
        return code == CudaErrors.OUT_OF_MEMORY
                ? new CudaOutOfMemoryException(call, code, errorName(code), line(what, code), 0)
                : new CudaException(call, code, errorName(code), line(what, code));
    }

    private int injected(String call, int code) {
        return fault == null ? code : fault.apply(call, code);
    }

    private void poison(int code) {
        CudaContext context = current.get();
        if (context != null && CudaErrors.isSticky(code)) {
            context.poison(code);
        }
    }

    private String line(String what, int code) {
        String cure = CudaErrors.cure(code);
        return what + " failed: " + errorName(code) + " (" + code + "), " + errorString(code)
                + (cure.isEmpty() ? "" : "; " + cure);
    }

    private String errorName(int code) {
        String name = calls.getErrorName(code);
        return name == null ? "error " + code : name;
    }

    private String errorString(int code) {
        String text = calls.getErrorString(code);
        return text == null ? "unknown to the driver" : text;
    }
}
