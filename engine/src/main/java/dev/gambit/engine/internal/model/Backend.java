package dev.gambit.engine.internal.model;

import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.sparsity.Site;

/**
 * What runs a model: the six fused steps of a layer's path, over weights it holds in its own form. A batch's hidden state
 * stays inside the backend between steps. One batch at a time; the {@link Decoder} sees to that.
 */
public interface Backend extends AutoCloseable {

    /** Returns what to call it in reports, such as {@code CPU (vector-512, 2 threads)}. */
    String name();

    /** Returns the largest batch that a step takes. */
    int maxBatch();

    /** Returns how many positions a batch needs to be faster than as many batches of one. */
    int minBatch();

    /**
     * Returns how many positions of a prompt a step takes at most while others wait for the model. Results do not depend on
     * it.
     */
    default int sharedBatch() {
        return maxBatch();
    }

    /** Returns how many sequences {@link #steps} takes together; 1 where sequences take turns. */
    default int maxSequences() {
        return 1;
    }

    /**
     * Takes one position of each of several sequences, or a few consecutive ones of one, through all layers in one pass over
     * the weights. Each position's bits are those of a batch of its own.
     *
     * @param batches batches of one position without listeners, each with a counter of its own; a sequence's in order
     * @param logits receive {@code [vocabulary]} each; null where nobody asks
     */
    default void steps(Batch[] batches, float[][] logits) {
        throw new UnsupportedOperationException(name() + " takes one sequence at a time");
    }

    /**
     * Returns whether a site's channels can be skipped the way the weights were laid out at opening. Which sessions ask for
     * can change between tokens.
     */
    default boolean canMask(Site site) {
        return true;
    }

    /** Returns why nothing can run any more; null while it can. */
    default String failure() {
        return null;
    }

    /** Makes room for a sequence of up to {@code capacity} positions. */
    KvCache newCache(int capacity, KvCacheType keys, KvCacheType values);

    /** Copies the first positions of a sequence to another one; see {@link KvCache#copyFrom}. */
    default void copy(KvCache from, KvCache to, int length) {
        to.copyFrom(from, length);
    }

    /** Looks up the tokens' embeddings. */
    void embed(Batch batch);

    /** Norm, mask, project to queries, keys and values, rotate, append to the cache. */
    void qkv(int layer, Batch batch);

    /** Softmax of queries against cached keys, weighted sum of cached values. */
    void attend(int layer, Batch batch);

    /** Mask, project, add to the residual. */
    void output(int layer, Batch batch);

    /** Norm, gate, activation, mask, up, product, mask, down, add to the residual. */
    void ffn(int layer, Batch batch);

    /**
     * Norm and lm head for some of the batch's positions.
     *
     * @param from first position within the batch
     * @param count positions
     * @param logits receives {@code [count][vocabulary]}
     */
    void logits(Batch batch, int from, int count, float[] logits);

    /** Returns how many of the likeliest tokens {@link #step} can find; 0 where a backend has no whole step. */
    default int maxCandidates() {
        return 0;
    }

    /**
     * Takes one position through all layers and finds the likeliest next tokens, in one go; the same as the steps above
     * and a look at the logits, for backends where those would be many.
     *
     * @param batch a batch of one position without a listener
     * @param next receives the tokens; wants {@link #maxCandidates} at most
     */
    default void step(Batch batch, Likeliest next) {
        throw new UnsupportedOperationException(name() + " has no whole step");
    }

    /** Returns the bytes of all weights that a dense token reads, in the backend's form, lm head included. */
    long weightBytes();

    @Override
    void close();
}
