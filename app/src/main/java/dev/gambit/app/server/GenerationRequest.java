package dev.gambit.app.server;

import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.TextConstraint;
import java.util.List;

/**
 * What a client wants generated, whatever path it came by.
 *
 * @param prompts one or more
 * @param param the field the prompts are from, for errors
 * @param n texts of each prompt
 * @param stream whether to send the text as it comes
 * @param includeUsage whether a stream ends with the counts of tokens
 * @param maxTokens most tokens of a text; -1 for what the context holds
 * @param sampling how tokens are drawn, with the seed of the first text
 * @param stop texts that end it
 * @param ignoreEos whether to go on behind the model's end
 * @param echo whether the prompt stands before the text
 * @param cachePrompt whether the prompt's beginning may come from an earlier request
 * @param topLogprobs how many of the likeliest tokens to tell at each place; -1 to tell of none
 * @param sparsity how sparsely to run; null for dense
 * @param constraint what the text has to be; null for any text
 * @param timingsPerToken whether each event of a stream carries the times so far
 */
record GenerationRequest(
        List<Prompt> prompts,
        String param,
        int n,
        boolean stream,
        boolean includeUsage,
        int maxTokens,
        SamplingOptions sampling,
        List<String> stop,
        boolean ignoreEos,
        boolean echo,
        boolean cachePrompt,
        int topLogprobs,
        Sparsity sparsity,
        TextConstraint constraint,
        boolean timingsPerToken) {

    /** A prompt: its tokens, and its text where it came as one. */
    record Prompt(int[] tokens, String text) {}

    /** Returns the options of the text of an index; each has a seed of its own. */
    GenerationOptions options(int index) {
        return GenerationOptions.builder()
                .maxTokens(maxTokens)
                .sampling(sampling.toBuilder().seed(sampling.seed() + index & Long.MAX_VALUE).build())
                .stop(stop.toArray(String[]::new))
                .ignoreEndOfGeneration(ignoreEos)
                .topLogprobs(topLogprobs)
                .constraint(constraint)
                .build();
    }
}
