package dev.gambit.engine;

import java.util.Map;

/**
 * How the next token is drawn from a model's logits. The names, defaults and meanings are llama.cpp's; the steps run in
 * its order: biases, penalties, top-k, top-p, min-p, temperature, draw.
 *
 * @param temperature divides the logits before the draw; 0 or less takes the likeliest token always
 * @param topK number of likeliest tokens kept; 0 or less keeps all
 * @param topP smallest total probability of the likeliest tokens kept, in 0 to 1; 1 keeps all
 * @param minP smallest probability kept, as a fraction of the likeliest token's, in 0 to 1; 0 keeps all
 * @param repeatLastN number of last tokens that the three penalties look at; 0 is none, -1 all
 * @param repeatPenalty divides the positive logits of tokens seen, and multiplies the negative ones; 1 is no penalty
 * @param frequencyPenalty subtracted from a token's logit once per time it was seen
 * @param presencePenalty subtracted from a token's logit if it was seen
 * @param seed of the random numbers; -1 takes another one each time
 * @param logitBias what is added to the logits of tokens, by their ids; negative infinity bans one
 */
public record SamplingOptions(float temperature, int topK, float topP, float minP, int repeatLastN,
        float repeatPenalty, float frequencyPenalty, float presencePenalty, long seed,
        Map<Integer, Float> logitBias) {

    /** The seed that stands for a different one each time. */
    public static final long RANDOM_SEED = -1;

    private static final SamplingOptions DEFAULTS =
            new SamplingOptions(0.8f, 40, 0.95f, 0.05f, 64, 1, 0, 0, RANDOM_SEED);

    /**
     * @throws GambitException if a number is not one, or outside its range
     */
    public SamplingOptions {
        requireFinite("temperature", temperature);
        requireFraction("top-p", topP);
        requireFraction("min-p", minP);
        requireFinite("frequency penalty", frequencyPenalty);
        requireFinite("presence penalty", presencePenalty);
        if (!(repeatPenalty > 0) || Float.isInfinite(repeatPenalty)) {
            throw invalid("repeat penalty", "a number above 0", repeatPenalty);
        }
        if (repeatLastN < -1) {
            throw invalid("repeat-last-n", "a number of tokens, 0 for none or -1 for all", repeatLastN);
        }
        if (seed < RANDOM_SEED) {
            throw invalid("seed", "a number from 0, or -1 for a random one", seed);
        }
        logitBias = Map.copyOf(logitBias);
        logitBias.forEach((token, bias) -> {
            if (token < 0 || bias.isNaN() || bias == Float.POSITIVE_INFINITY) {
                throw invalid("logit bias", "token ids of 0 and more with numbers or negative infinity",
                        token + " with " + bias);
            }
        });
    }

    /** Options without biases. */
    public SamplingOptions(float temperature, int topK, float topP, float minP, int repeatLastN,
            float repeatPenalty, float frequencyPenalty, float presencePenalty, long seed) {
        this(temperature, topK, topP, minP, repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty, seed,
                Map.of());
    }

    private static void requireFinite(String name, float value) {
        if (!Float.isFinite(value)) {
            throw invalid(name, "a finite number", value);
        }
    }

    private static void requireFraction(String name, float value) {
        if (!(value >= 0 && value <= 1)) {
            throw invalid(name, "a number from 0 to 1", value);
        }
    }

    private static GambitException invalid(String name, String expected, Object found) {
        return new GambitException(GambitException.line("sampling option " + name, expected, found,
                "give a number in that range"));
    }

    /** @return llama.cpp's defaults */
    public static SamplingOptions defaults() {
        return DEFAULTS;
    }

    /** @return options that always take the likeliest token, the one of the lowest id among equals */
    public static SamplingOptions greedy() {
        return builder().temperature(0).build();
    }

    /** @return a builder that starts from llama.cpp's defaults */
    public static Builder builder() {
        return new Builder(DEFAULTS);
    }

    /** @return a builder that starts from these options */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** @return whether the likeliest token is taken always, without a draw */
    public boolean isGreedy() {
        return temperature <= 0;
    }

    /** @return whether tokens already seen change the logits */
    public boolean hasPenalties() {
        return repeatLastN != 0 && (repeatPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0);
    }

    /** Collects options; each method sets one and returns the builder. */
    public static final class Builder {

        private float temperature;
        private int topK;
        private float topP;
        private float minP;
        private int repeatLastN;
        private float repeatPenalty;
        private float frequencyPenalty;
        private float presencePenalty;
        private long seed;
        private Map<Integer, Float> logitBias;

        private Builder(SamplingOptions start) {
            temperature = start.temperature;
            topK = start.topK;
            topP = start.topP;
            minP = start.minP;
            repeatLastN = start.repeatLastN;
            repeatPenalty = start.repeatPenalty;
            frequencyPenalty = start.frequencyPenalty;
            presencePenalty = start.presencePenalty;
            seed = start.seed;
            logitBias = start.logitBias;
        }

        /**
         * @param value see {@link SamplingOptions#temperature()}
         * @return this
         */
        public Builder temperature(float value) {
            temperature = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#topK()}
         * @return this
         */
        public Builder topK(int value) {
            topK = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#topP()}
         * @return this
         */
        public Builder topP(float value) {
            topP = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#minP()}
         * @return this
         */
        public Builder minP(float value) {
            minP = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#repeatLastN()}
         * @return this
         */
        public Builder repeatLastN(int value) {
            repeatLastN = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#repeatPenalty()}
         * @return this
         */
        public Builder repeatPenalty(float value) {
            repeatPenalty = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#frequencyPenalty()}
         * @return this
         */
        public Builder frequencyPenalty(float value) {
            frequencyPenalty = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#presencePenalty()}
         * @return this
         */
        public Builder presencePenalty(float value) {
            presencePenalty = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#seed()}
         * @return this
         */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /**
         * @param value see {@link SamplingOptions#logitBias()}
         * @return this
         */
        public Builder logitBias(Map<Integer, Float> value) {
            logitBias = value;
            return this;
        }

        /**
         * @return the options
         * @throws GambitException if a number is not one, or outside its range
         */
        public SamplingOptions build() {
            return new SamplingOptions(temperature, topK, topP, minP, repeatLastN, repeatPenalty, frequencyPenalty,
                    presencePenalty, seed, logitBias);
        }
    }
}
