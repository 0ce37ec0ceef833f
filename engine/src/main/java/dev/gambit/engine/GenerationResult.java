package dev.gambit.engine;

/**
 * A finished generation.
 *
 * @param text the text, without a stop text
 * @param tokens the tokens drawn, a last end-of-generation token included
 * @param finish why it ended
 * @param timings how long it took
 * @param sparsity how sparsely it ran, prompt included in {@code active}
 */
public record GenerationResult(
        String text, int[] tokens, Finish finish, Timings timings, SparsityReport sparsity) {

    /** Why a generation ended. */
    public enum Finish {
        /** The model drew an end-of-generation token. */
        END_OF_GENERATION,
        /** A stop text came up. */
        STOP,
        /** The limit on tokens was reached. */
        LENGTH,
        /** The context is full. */
        CONTEXT_FULL,
        /** Somebody called {@link Session#cancel}. */
        CANCELLED
    }
}
