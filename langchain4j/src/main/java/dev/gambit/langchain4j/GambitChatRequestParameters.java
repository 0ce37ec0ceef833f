package dev.gambit.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Objects;

/**
 * langchain4j's request parameters and those of llama.cpp's sampling that it has no names for. What is null is taken from
 * the model's {@link dev.gambit.engine.SamplingOptions}.
 */
public class GambitChatRequestParameters extends DefaultChatRequestParameters {

    private final Double minP;
    private final Double repeatPenalty;
    private final Integer repeatLastN;
    private final Long seed;

    /** Copies what the builder has. */
    protected GambitChatRequestParameters(Builder builder) {
        super(builder);
        minP = builder.minP;
        repeatPenalty = builder.repeatPenalty;
        repeatLastN = builder.repeatLastN;
        seed = builder.seed;
    }

    /** Returns a builder with nothing set. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the smallest probability kept, as a fraction of the likeliest token's, 0 to 1; null if not set. */
    public Double minP() {
        return minP;
    }

    /** Returns what divides the positive logits of tokens seen, above 0; null if not set. */
    public Double repeatPenalty() {
        return repeatPenalty;
    }

    /** Returns how many last tokens the penalties look at, -1 for all; null if not set. */
    public Integer repeatLastN() {
        return repeatLastN;
    }

    /** Returns the seed of the random numbers; null if not set. */
    public Long seed() {
        return seed;
    }

    @Override
    public GambitChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).build();
    }

    @Override
    public GambitChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).build();
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || super.equals(other)
                        && other instanceof GambitChatRequestParameters p
                        && Objects.equals(minP, p.minP)
                        && Objects.equals(repeatPenalty, p.repeatPenalty)
                        && Objects.equals(repeatLastN, p.repeatLastN)
                        && Objects.equals(seed, p.seed);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), minP, repeatPenalty, repeatLastN, seed);
    }

    @Override
    public String toString() {
        return super.toString() + " {minP=" + minP + ", repeatPenalty=" + repeatPenalty + ", repeatLastN="
                + repeatLastN + ", seed=" + seed + '}';
    }

    /** Makes {@link GambitChatRequestParameters}. */
    public static class Builder extends DefaultChatRequestParameters.Builder<Builder> {

        private Double minP;
        private Double repeatPenalty;
        private Integer repeatLastN;
        private Long seed;

        /** A builder with nothing set. */
        public Builder() {}

        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            super.overrideWith(parameters);
            if (parameters instanceof GambitChatRequestParameters p) {
                minP = p.minP != null ? p.minP : minP;
                repeatPenalty = p.repeatPenalty != null ? p.repeatPenalty : repeatPenalty;
                repeatLastN = p.repeatLastN != null ? p.repeatLastN : repeatLastN;
                seed = p.seed != null ? p.seed : seed;
            }
            return this;
        }

        /** Smallest probability kept, as a fraction of the likeliest token's, 0 to 1. */
        public Builder minP(Double value) {
            minP = value;
            return this;
        }

        /** What divides the positive logits of tokens seen, above 0; 1 is no penalty. */
        public Builder repeatPenalty(Double value) {
            repeatPenalty = value;
            return this;
        }

        /** How many last tokens the penalties look at; 0 for none, -1 for all. */
        public Builder repeatLastN(Integer value) {
            repeatLastN = value;
            return this;
        }

        /** Seed of the random numbers: the same seed and request give the same text; -1 for another one each time. */
        public Builder seed(Long value) {
            seed = value;
            return this;
        }

        @Override
        public GambitChatRequestParameters build() {
            return new GambitChatRequestParameters(this);
        }
    }
}
