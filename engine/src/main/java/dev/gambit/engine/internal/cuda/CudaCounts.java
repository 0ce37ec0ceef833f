package dev.gambit.engine.internal.cuda;

import dev.gambit.cuda.DeviceMatrix;
import dev.gambit.cuda.MatrixLayout;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;

/** Turns the channels that kernels counted into what a {@link SparsityCounter} adds up. */
final class CudaCounts {

    /** 64-bit counters a layer has in a batch: one a site, then the sum of activations × up's inputs over the rows. */
    static final int BATCH_COUNTERS = Site.COUNT + 1;

    private final ModelConfig config;
    private final CudaWeights weights;
    private final long layerBytes;
    private final long headBytes;

    CudaCounts(ModelConfig config, CudaWeights weights) {
        this.config = config;
        this.weights = weights;
        layerBytes = weights.layerBytes();
        headBytes = weights.headBytes();
    }

    /** Returns the bytes that a product loads of a matrix of which {@code kept} channels of its skippable side are used. */
    private static long bytes(DeviceMatrix m, long kept) {
        return StepCost.bytes(m.form(), m.layout(), m.inputs(), m.outputs(), kept);
    }

    /** Adds a decoded token. {@code kept}: {@code [layers][Site.COUNT]}; only sites with thresholds are read. */
    void step(Batch b, int[] kept) {
        SparsityCounter c = b.counter();
        if (c == null) {
            return;
        }
        c.denseBytes(layerBytes + headBytes);
        Thresholds t = b.thresholds();
        if (t == null) {
            c.bytes(layerBytes + headBytes);
            long linear = 0;
            for (DeviceMatrix m : weights.layers[0].matrices()) {
                linear += (long) m.inputs() * m.outputs();
            }
            c.weights(linear * config.layers(), linear * config.layers());
            return;
        }
        c.bytes(headBytes);
        for (int l = 0; l < config.layers(); l++) {
            CudaWeights.Layer w = weights.layers[l];
            input(c, t, l, Site.Q_IN, w.q, kept);
            input(c, t, l, Site.K_IN, w.k, kept);
            input(c, t, l, Site.V_IN, w.v, kept);
            input(c, t, l, Site.O_IN, w.o, kept);
            input(c, t, l, Site.GATE_IN, w.gate, kept);
            long matrix = (long) config.embedding() * config.feedForward();
            long upInputs = kept(c, t, l, Site.UP_IN, kept, config.embedding());
            long acts = kept(c, t, l, Site.FFN_ACT, kept, config.feedForward());
            c.weights(upInputs * acts, matrix);
            c.bytes(bytes(w.up, w.up.layout() == MatrixLayout.COLUMNS ? upInputs : acts));
            long downs = t.get(l, Site.DOWN_IN) == null ? acts : kept(c, t, l, Site.DOWN_IN, kept, acts);
            c.weights(downs * config.embedding(), matrix);
            c.bytes(bytes(w.down, w.down.layout() == MatrixLayout.COLUMNS ? downs : w.down.outputs()));
            c.bytes(8L * config.embedding());
        }
    }

    private static long kept(SparsityCounter c, Thresholds t, int layer, Site site, int[] kept, long all) {
        if (t.get(layer, site) == null) {
            return all;
        }
        long n = kept[layer * Site.COUNT + site.ordinal()];
        c.site(layer, site, n, t.get(layer, site).length);
        c.sparseKernel();
        return n;
    }

    private static void input(SparsityCounter c, Thresholds t, int layer, Site site, DeviceMatrix m, int[] kept) {
        long n = kept(c, t, layer, site, kept, m.inputs());
        c.weights(n * m.outputs(), (long) m.inputs() * m.outputs());
        c.bytes(bytes(m, m.layout() == MatrixLayout.COLUMNS ? n : m.outputs()));
    }

    /** Adds a batch. {@code kept}: {@code [layers][BATCH_COUNTERS]}, sums over the rows; null where nothing is skipped. */
    void batch(Batch b, long[] kept) {
        SparsityCounter c = b.counter();
        if (c == null) {
            return;
        }
        long rows = b.count();
        for (int l = 0; l < config.layers(); l++) {
            CudaWeights.Layer w = weights.layers[l];
            if (b.thresholds() == null) {
                for (DeviceMatrix m : w.matrices()) {
                    long all = rows * m.inputs() * m.outputs();
                    c.weights(all, all);
                }
                continue;
            }
            batchInput(b, l, Site.Q_IN, w.q, kept);
            batchInput(b, l, Site.K_IN, w.k, kept);
            batchInput(b, l, Site.V_IN, w.v, kept);
            batchInput(b, l, Site.O_IN, w.o, kept);
            batchInput(b, l, Site.GATE_IN, w.gate, kept);
            long matrix = rows * config.embedding() * config.feedForward();
            batchKept(b, l, Site.UP_IN, kept);
            batchKept(b, l, Site.FFN_ACT, kept);
            batchKept(b, l, Site.DOWN_IN, kept);
            c.weights(kept[l * BATCH_COUNTERS + Site.COUNT], matrix);
            c.weights(kept[l * BATCH_COUNTERS + Site.DOWN_IN.ordinal()] * config.embedding(), matrix);
        }
    }

    private static long batchKept(Batch b, int layer, Site site, long[] kept) {
        long n = kept[layer * BATCH_COUNTERS + site.ordinal()];
        float[] t = b.thresholds().get(layer, site);
        if (t != null) {
            b.counter().site(layer, site, n, (long) b.count() * t.length);
        }
        return n;
    }

    private static void batchInput(Batch b, int layer, Site site, DeviceMatrix m, long[] kept) {
        long n = batchKept(b, layer, site, kept);
        b.counter().weights(n * m.outputs(), (long) b.count() * m.inputs() * m.outputs());
    }
}
