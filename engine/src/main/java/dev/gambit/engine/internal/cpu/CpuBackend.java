package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.model.Backend;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.KvCache;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;

/** Runs a model on the processor: one position through {@link CpuDecode}, several through {@link CpuPrefill}. */
public final class CpuBackend implements Backend {

    private static final int MAX_BATCH = 512;
    /** A few positions one by one take no longer, and a fresh JVM has one set of kernels less to compile. */
    private static final int MIN_BATCH = 8;
    /** Positions of a prompt while others wait: a quarter of a second's work, at which products are as fast as at twice that. */
    private static final int SHARED_BATCH = 128;
    /** Sequences in a pass: beyond this, sums no longer fit the caches that the weights are to be shared in. */
    private static final int MAX_SEQUENCES = 32;

    /** Up to as many bytes of weights times positions, a process's first batch is done before vector kernels are compiled. */
    private static final long STARTING_BYTES = 400_000_000;

    private final ModelConfig config;
    private final Kernels kernels;
    private final WorkerTeam team;
    private final Arena arena;
    private final CpuWeights weights;
    private final CpuDecode decode;
    private final CpuPrefill prefill;
    /** Whether the hidden state of the last batch is the prefill's. */
    private boolean batched;

    /**
     * Loads a model's weights.
     *
     * @param file the open model file
     * @param config its hyperparameters
     * @param thresholds which sites will be masked, which decides how weights are laid out; null for none
     * @param threads workers, at least 1
     */
    public CpuBackend(GgufFile file, ModelConfig config, Thresholds thresholds, int threads) {
        this.config = config;
        kernels = KernelProvider.first();
        arena = Arena.ofShared();
        team = new WorkerTeam(threads);
        try {
            weights = new CpuWeights(file, config, thresholds, arena, team);
            Rope rope = new Rope(config, weights.ropeFactors);
            decode = new CpuDecode(config, weights, kernels, team, rope);
            prefill = new CpuPrefill(config, weights, kernels, team, rope);
        } catch (RuntimeException | Error e) {
            team.close();
            arena.close();
            throw e;
        }
    }

    /** The stand-ins have done their part: a first token is out, or there is so much to do that compiling pays. */
    private void started() {
        if (kernels instanceof StartingKernels starting) {
            starting.finish();
        }

    }

    @Override
    public String name() {
        return "CPU (" + kernels.name() + ", " + team.size() + (team.size() == 1 ? " thread)" : " threads)");
    }

    @Override
    public int maxBatch() {
        return MAX_BATCH;
    }

    @Override
    public int minBatch() {
        return MIN_BATCH;
    }

    @Override
    public KvCache newCache(int capacity, KvCacheType keys, KvCacheType values) {
        return new CpuKvCache(config, capacity, keys, values);
    }

    @Override
    public void embed(Batch b) {
        batched = b.together();
        if (batched) {
            if (b.count() * weights.byteSize() > STARTING_BYTES) {
                started();
            }
            prefill.embed(b);
        } else {
            decode.embed(b);
        }
    }

    @Override
    public void qkv(int layer, Batch b) {
        if (batched) {
            prefill.qkv(layer, b);
        } else {
            decode.qkv(layer);
        }
    }

    @Override
    public void attend(int layer, Batch b) {
        if (batched) {
            prefill.attend(layer, b);
        } else {
            decode.attend(layer);
        }
    }

    @Override
    public void output(int layer, Batch b) {
        if (batched) {
            prefill.output(layer, b);
        } else {
            decode.output(layer);
        }
    }

    @Override
    public void ffn(int layer, Batch b) {
        if (batched) {
            prefill.ffn(layer, b);
        } else {
            decode.ffn(layer);
        }
    }

    @Override
    public void logits(Batch b, int from, int count, float[] logits) {
        if (batched && count > 1) {
            prefill.logits(from, count, logits);
            return;
        }
        if (batched) {
            prefill.hidden(from, decode);
            decode.logits(logits);
        } else {
            decode.logits(new float[][] {logits}, true);
        }
        started();
    }

    @Override
    public int maxSequences() {
        return MAX_SEQUENCES;
    }

    @Override
    public int sharedBatch() {
        return SHARED_BATCH;
    }

    @Override
    public void steps(Batch[] batches, float[][] logits) {
        batched = false;
        decode.embed(batches);
        for (int layer = 0; layer < config.layers(); layer++) {
            decode.qkv(layer);
            decode.attend(layer);
            decode.output(layer);
            decode.ffn(layer);
        }
        decode.logits(logits, true);
        started();
    }

    @Override
    public long weightBytes() {
        return weights.byteSize();
    }

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
