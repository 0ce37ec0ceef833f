package dev.gambit.engine;

import java.util.List;

/**
 * A finished generation.
 *
 * @param text the text, without a stop text
 * @param tokens the tokens drawn, a last end-of-generation token included
 * @param finish why it ended
 * @param timings how long it took
 * @param sparsity how sparsely it ran, prompt included in {@code active}
 * @param logprobs how likely each token was, one for each of {@code tokens}; empty where nobody asked
 */
public record GenerationResult(
        String text, int[] tokens, Finish finish, Timings timings, SparsityReport sparsity,
        List<TokenLogprobs> logprobs) {

    /** Copies. */
    public GenerationResult {
        logprobs = List.copyOf(logprobs);
    }

    /** A generation that nobody asked for log-probabilities of. */
    public GenerationResult(
            String text, int[] tokens, Finish finish, Timings timings, SparsityReport sparsity) {
        this(text, tokens, finish, timings, sparsity, List.of());
    }

    /** Why a generation ended. */
    public enum Finish {
        /** The model drew an end-of-generation token, or the text is all that a {@link TextConstraint} asked for. */
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
