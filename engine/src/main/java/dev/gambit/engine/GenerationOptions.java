package dev.gambit.engine;

import java.util.List;

/**
 * How to generate text; made by {@link #builder}.
 *
 * @param maxTokens most tokens to generate; -1 for as many as the context holds
 * @param sampling how a token is drawn
 * @param stop texts that end the generation; they are not part of the result
 * @param ignoreEndOfGeneration whether to go on behind an end-of-generation token, for measuring
 * @param parseSpecial whether special tokens' texts in the prompt become those tokens
 * @param topLogprobs -1 for none; else log-probabilities are told of each token, with this many of the likeliest ones at
 *     its place, 0 to {@value #MAX_LOGPROBS}. On a GPU all logits are then copied for each token
 * @param constraint what the text has to be; null for any text. On a GPU all logits are then copied for each token
 */
public record GenerationOptions(
        int maxTokens,
        SamplingOptions sampling,
        List<String> stop,
        boolean ignoreEndOfGeneration,
        boolean parseSpecial,
        int topLogprobs,
        TextConstraint constraint) {

    /** The most alternatives that are told of a token, as in OpenAI's API. */
    public static final int MAX_LOGPROBS = 20;

    /** Checks and copies. */
    public GenerationOptions {
        stop = List.copyOf(stop);
        if (maxTokens < -1) {
            throw new GambitException(GambitException.line(
                    "max tokens", "-1 for no limit, or 0 and more", maxTokens, "choose a number in that range"));
        }
        if (topLogprobs < -1 || topLogprobs > MAX_LOGPROBS) {
            throw new GambitException(GambitException.line(
                    "top logprobs", "0 to " + MAX_LOGPROBS + ", or -1 for none", topLogprobs,
                    "choose a number in that range"));
        }
        for (String s : stop) {
            if (s.isEmpty()) {
                throw new GambitException(
                        GambitException.line("stop", "texts of one character or more", "an empty one", "leave it out"));
            }
        }
    }

    /** Options without log-probabilities and constraint. */
    public GenerationOptions(
            int maxTokens,
            SamplingOptions sampling,
            List<String> stop,
            boolean ignoreEndOfGeneration,
            boolean parseSpecial) {
        this(maxTokens, sampling, stop, ignoreEndOfGeneration, parseSpecial, -1, null);
    }

    /** Returns a builder with the defaults: no limit, llama.cpp's sampling defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Makes {@link GenerationOptions}. */
    public static final class Builder {
        private int maxTokens = -1;
        private SamplingOptions sampling = SamplingOptions.defaults();
        private List<String> stop = List.of();
        private boolean ignoreEndOfGeneration;
        private boolean parseSpecial = true;
        private int topLogprobs = -1;
        private TextConstraint constraint;

        private Builder() {}

        /** Most tokens to generate; -1 for as many as the context holds. */
        public Builder maxTokens(int count) {
            maxTokens = count;
            return this;
        }

        /** How a token is drawn. */
        public Builder sampling(SamplingOptions how) {
            sampling = how;
            return this;
        }

        /** Texts that end the generation. */
        public Builder stop(String... texts) {
            stop = List.of(texts);
            return this;
        }

        /** Whether to go on behind an end-of-generation token. */
        public Builder ignoreEndOfGeneration(boolean ignore) {
            ignoreEndOfGeneration = ignore;
            return this;
        }

        /** Whether special tokens' texts in the prompt become those tokens. */
        public Builder parseSpecial(boolean parse) {
            parseSpecial = parse;
            return this;
        }

        /** How many of the likeliest tokens' log-probabilities to tell beside each token's own, 0 to 20; -1 for none. */
        public Builder topLogprobs(int count) {
            topLogprobs = count;
            return this;
        }

        /** What the text has to be; null for any text. */
        public Builder constraint(TextConstraint what) {
            constraint = what;
            return this;
        }

        /** Returns the options. */
        public GenerationOptions build() {
            return new GenerationOptions(maxTokens, sampling, stop, ignoreEndOfGeneration, parseSpecial,
                    topLogprobs, constraint);
        }
    }
}
