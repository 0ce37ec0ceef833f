package dev.gambit.engine;

/** Hears how far loading a model onto a GPU has come. Called on the thread that opens the model. */
@FunctionalInterface
public interface LoadListener {

    /**
     * @param bytes bytes of weights that have been copied
     * @param all bytes there are
     */
    void loaded(long bytes, long all);
}
