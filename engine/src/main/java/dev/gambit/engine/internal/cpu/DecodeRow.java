package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.sparsity.Site;
import java.util.Arrays;

/** One sequence's position on its way through a decode pass: its vectors, what it keeps of them, its sums. */
final class DecodeRow {

    final float[] hidden;
    final float[] normed;
    final float[] q;
    final float[] k;
    final float[] v;
    final float[] attention;
    final float[] logits;
    final float[] cos;
    final float[] sin;
    final Kept keptQ;
    final Kept keptK;
    final Kept keptV;
    final Kept keptO;
    /** The input of {@code up} in strip order, where that lies by rows. */
    final float[] prepared;
    final float[] preparedSums;
    final float[] maskedUp;
    /** What each slice of the FFN adds to the residual, and what it kept. */
    final float[][] sliceSums;
    final int[] sliceActivations;
    final int[] sliceDown;
    /** Sums of the parts of wide matrices. */
    final float[][] partSums;
    /** What each span of attention found. */
    float[] partial = new float[0];

    Batch batch;
    Kept forFirst;
    Kept forSecond;
    Kept forThird;

    /**
     * @param pairs the rotary embedding's
     * @param slices the FFN's
     * @param parts of wide matrices, of {@code widest} outputs at most
     */
    DecodeRow(ModelConfig config, CpuWeights weights, int pairs, int slices, int parts, int widest) {
        int e = pad(config.embedding());
        hidden = new float[e];
        normed = new float[e];
        q = new float[pad(config.queryWidth())];
        k = new float[pad(config.keyWidth())];
        v = new float[pad(config.valueWidth())];
        attention = new float[pad(config.attentionWidth())];
        logits = new float[pad(config.vocabulary())];
        cos = new float[pairs];
        sin = new float[pairs];
        keptQ = new Kept(config.embedding());
        keptK = new Kept(config.embedding());
        keptV = new Kept(config.embedding());
        keptO = new Kept(config.attentionWidth());
        int length = 0;
        int strips = 0;
        // Layers may be of different types, and strips are padded differently then.
        for (CpuWeights.Layer l : weights.layers) {
            length = Math.max(length, l.up.layout == Layout.ROWS ? l.up.strips.preparedLength : 0);
            strips = Math.max(strips, l.up.layout == Layout.ROWS ? l.up.strips.count : 0);
        }
        prepared = new float[length];
        preparedSums = new float[strips * RowStrips.LANES];
        maskedUp = new float[e];
        sliceSums = new float[slices][e];
        sliceActivations = new int[slices];
        sliceDown = new int[slices];
        partSums = new float[parts][widest];
    }

    static int pad(int n) {
        return (n + PackedMatrix.TILE - 1) / PackedMatrix.TILE * PackedMatrix.TILE;
    }

    float[] thresholds(int layer, Site site) {
        return batch.thresholds() == null ? null : batch.thresholds().get(layer, site);
    }

    SparsityCounter counter() {
        return batch.counter();
    }

    /**
     * Chooses what a matrix reads of {@code x}.
     *
     * @param cached whether the weights stay in the processor's cache
     */
    Kept keep(Kernels kernels, boolean cached, Kept kept, float[] x, PackedMatrix w, int layer, Site site) {
        float[] t = thresholds(layer, site);
        int n = w.inputs;
        if (t == null) {
            return kept.select(x, n, null);
        }
        int above = cached || !w.isNarrow() ? 0 : kernels.mask(x, 0, t, 0, n, kept.value, 0);
        if (Kept.fillsGaps(w, above, n)) {
            kept.whole(kept.value, 0, n, above);
        } else {
            kept.select(x, n, t);
        }
        if (counter() != null) {
            counter().site(layer, site, kept.kept(), n);
            counter().sparseKernel();
        }
        return kept;
    }

    /** Whether a site's input is the other site's, with the same mask. */
    boolean same(int layer, Site site, Site other) {
        return thresholds(layer, site) == null && thresholds(layer, other) == null;
    }

    static void start(float[] y, float[] bias) {
        Arrays.fill(y, 0f);
        if (bias != null) {
            System.arraycopy(bias, 0, y, 0, bias.length);
        }
    }
}
