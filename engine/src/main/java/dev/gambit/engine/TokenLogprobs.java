package dev.gambit.engine;

import java.util.List;

/**
 * A drawn token beside the tokens that were likeliest at its place.
 *
 * @param chosen the token that was drawn
 * @param top the likeliest tokens, the likeliest first, among equals the lowest id; as many as
 *     {@link GenerationOptions#topLogprobs} asks for. The chosen token need not be among them
 */
public record TokenLogprobs(TokenLogprob chosen, List<TokenLogprob> top) {

    /** Copies. */
    public TokenLogprobs {
        top = List.copyOf(top);
    }
}
