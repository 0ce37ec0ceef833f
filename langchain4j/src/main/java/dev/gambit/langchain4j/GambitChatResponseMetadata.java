package dev.gambit.langchain4j;

import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import java.util.Objects;

/** langchain4j's response metadata, and how fast and how sparsely the model ran. */
public class GambitChatResponseMetadata extends ChatResponseMetadata {

    private final Timings timings;
    private final SparsityReport sparsity;

    /** Copies what the builder has. */
    protected GambitChatResponseMetadata(Builder builder) {
        super(builder);
        timings = builder.timings;
        sparsity = builder.sparsity;
    }

    /** Returns a builder with nothing set. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns how long the prompt and the answer took. */
    public Timings timings() {
        return timings;
    }

    /** Returns how sparsely the request ran. */
    public SparsityReport sparsity() {
        return sparsity;
    }

    @Override
    public Builder toBuilder() {
        Builder builder = builder();
        toBuilder(builder);
        return builder.timings(timings).sparsity(sparsity);
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || super.equals(other)
                        && other instanceof GambitChatResponseMetadata m
                        && Objects.equals(timings, m.timings)
                        && Objects.equals(sparsity, m.sparsity);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), timings, sparsity);
    }

    @Override
    public String toString() {
        return super.toString() + " {timings=" + timings + ", sparsity=" + sparsity + '}';
    }

    /** Makes {@link GambitChatResponseMetadata}. */
    public static class Builder extends ChatResponseMetadata.Builder<Builder> {

        private Timings timings;
        private SparsityReport sparsity;

        /** A builder with nothing set. */
        public Builder() {}

        /** How long the prompt and the answer took. */
        public Builder timings(Timings value) {
            timings = value;
            return this;
        }

        /** How sparsely the request ran. */
        public Builder sparsity(SparsityReport value) {
            sparsity = value;
            return this;
        }

        @Override
        public GambitChatResponseMetadata build() {
            return new GambitChatResponseMetadata(this);
        }
    }
}
