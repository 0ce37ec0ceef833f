package dev.gambit.calibration;

/** Hears how far a long piece of work has come, on the thread that does it. */
@FunctionalInterface
public interface ProgressListener {

    /**
     * @param stage what is being done, such as {@code "channels"}
     * @param done chunks finished in this stage
     * @param total chunks of this stage
     */
    void progress(String stage, int done, int total);
}
