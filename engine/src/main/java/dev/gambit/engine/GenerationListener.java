package dev.gambit.engine;

/** Hears of a generation as it goes on, on the thread that generates. */
@FunctionalInterface
public interface GenerationListener {

    /** Hears nothing. */
    GenerationListener NONE = (token, text) -> {};

    /**
     * @param token the token that was drawn
     * @param text what can be added to the text now: whole characters only, and nothing that may turn out to be the start
     *     of a stop text; often empty
     */
    void token(int token, String text);

    /**
     * Hears how likely a token was, just before {@link #token} hears of it; only where {@link GenerationOptions#topLogprobs}
     * asks for that.
     *
     * @param logprobs the token and the likeliest ones at its place
     */
    default void logprobs(TokenLogprobs logprobs) {}
}
