package dev.gambit.app;

import dev.gambit.engine.KvCacheType;
import java.nio.file.Path;

/**
 * One row of a benchmark: what is run, and how.
 *
 * @param prompt tokens of a prompt that is evaluated at once
 * @param generated tokens that are evaluated one by one
 * @param depth tokens in the context beforehand
 * @param text whether the tokens are those of a real text
 */
record BenchTest(Setup setup, int batch, int microBatch, int prompt, int generated, int depth, boolean text) {

    /**
     * What a model is opened with; tests that share it share the open model.
     *
     * @param model its file; null for the one that comes with Gambit
     * @param chess the sidecar; null for the thresholds that come with the model
     * @param policy which of its policies; null for its default
     * @param sparsity the level; null for dense
     */
    record Setup(
            Path model, Path chess, String policy, Double sparsity, boolean densePrefill,
            KvCacheType typeK, KvCacheType typeV, int threads) {}

    /** Returns its name, such as {@code pp512}, {@code tg128 @ d512} or {@code text128}. */
    String name() {
        StringBuilder name = new StringBuilder();
        if (prompt > 0) {
            name.append("pp").append(prompt);
        }
        if (generated > 0) {
            name.append(prompt > 0 ? "+" : "").append(text ? "text" : "tg").append(generated);
        }
        if (depth > 0) {
            name.append(" @ d").append(depth);
        }
        return name.toString();
    }

    /** Returns the positions it needs. */
    int context() {
        return prompt + generated + depth;
    }

    /** Returns the tokens that are timed. */
    int tokens() {
        return prompt + generated;
    }
}
