package dev.gambit.bindings;

/** What may happen besides a stream's capture ({@code CUstreamCaptureMode}). */
public enum CaptureMode {
    /** Calls that might not be safe are refused on every thread. */
    GLOBAL,
    /** Calls that might not be safe are refused on the capturing thread; the usual choice. */
    THREAD_LOCAL,
    /** Nothing is refused. */
    RELAXED;

    /** {@return CUDA's number} */
    public int code() {
        return ordinal();
    }
}
