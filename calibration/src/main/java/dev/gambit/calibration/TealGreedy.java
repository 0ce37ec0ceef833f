package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * TEAL's greedy allocation within each block (Liu and others, ICLR 2025, arXiv 2408.14690, algorithm 1): from nothing
 * skipped, the input whose level rises is the one where that costs the least
 * {@code ‖block(x) - block_masked(x)‖₂}, each step skipping the same number of weights, until the block's share of skipped
 * weights is the level asked for; blocks are alike. Three differences: steps are larger than the authors', a candidate's
 * error is measured again only when it is about to be chosen (errors only grow as more is skipped), and no level passes
 * {@value #TOP}, where theirs can pass 1.
 */
public final class TealGreedy {

    /** What {@code --policy} takes. */
    public static final String POLICY = "teal-greedy";

    private static final double TOP = 0.98;
    /** The share of a block's weights that a step skips. */
    private static final double STEP = 0.02;

    private final CalibrationStatistics statistics;
    private final GradientWeights weights;
    private final GradientPass pass;
    private final double[] share = new double[Projection.values().length];

    TealGreedy(CalibrationStatistics statistics, GradientWeights weights, GradientPass pass) {
        this.statistics = statistics;
        this.weights = weights;
        this.pass = pass;
        ModelConfig c = weights.config;
        for (Projection p : Projection.values()) {
            share[p.ordinal()] = share(p, c, pass);
        }
    }

    /** Returns the share of a block's weights that a projection has. */
    static double share(Projection p, ModelConfig c, GradientPass pass) {
        double outputs = switch (p) {
            case Q -> c.queryWidth();
            case K -> c.keyWidth();
            case V -> c.valueWidth();
            case O, DOWN -> c.embedding();
            case GATE, UP -> c.feedForward();
        };
        return outputs * c.channels(p.site()) / pass.weightsPerLayer();
    }

    /**
     * Searches all blocks.
     *
     * @param model the model file
     * @param windows the text; its first window is used
     */
    public static SearchedPolicy search(
            CalibrationStatistics statistics, Path model, TokenWindows windows, int threads,
            ProgressListener progress) {
        try (Workers workers = new Workers(threads);
                GradientWeights weights = new GradientWeights(model, workers)) {
            GradientPass pass = new GradientPass(weights, workers, 1, windows.size());
            pass.forward(new int[][] {windows.window(0)}, null);
            TealGreedy greedy = new TealGreedy(statistics, weights, pass);
            int layers = weights.config.layers();
            float[][][] tables = new float[layers][Site.COUNT][];
            for (int l = 0; l < layers; l++) {
                progress.progress("teal-greedy", l, layers);
                tables[l] = greedy.block(l);
            }
            progress.progress("teal-greedy", layers, layers);
            return new SearchedPolicy(POLICY, tables, null);
        }
    }

    /** Returns a block's tables, {@code [site][level]}. */
    private float[][] block(int l) {
        Projection[] all = Projection.values();
        double[] levels = SidecarWriter.levels();
        float[][] tables = new float[Site.COUNT][];
        for (Projection p : all) {
            tables[p.site().ordinal()] = new float[levels.length];
        }
        double[] p = new double[all.length];
        double[] errors = new double[all.length];
        boolean[] fresh = new boolean[all.length];
        double skipped = 0;
        int next = 1;
        while (next < levels.length) {
            int best = -1;
            while (best < 0 || !fresh[best]) {
                best = 0;
                for (int i = 1; i < all.length; i++) {
                    best = errors[i] < errors[best] ? i : best;
                }
                if (!fresh[best]) {
                    errors[best] = error(l, p, best);
                    fresh[best] = true;
                }
            }
            double before = p[best];
            p[best] = step(p, best);
            skipped += (p[best] - before) * share[best];
            Arrays.fill(fresh, false);
            boolean full = skipped >= TOP - 1e-3;
            for (; next < levels.length && (skipped >= levels[next] || full); next++) {
                for (Projection q : all) {
                    tables[q.site().ordinal()][next] = statistics.layer(l).table(q.input()).quantile(p[q.ordinal()]);
                }
            }
        }
        return tables;
    }

    private double step(double[] p, int i) {
        return Math.min(TOP, p[i] + STEP / share[i]);
    }

    private double error(int l, double[] p, int raised) {
        if (p[raised] >= TOP) {
            return Double.POSITIVE_INFINITY;
        }
        Thresholds t = new Thresholds(weights.config.layers());
        for (Projection q : Projection.values()) {
            double level = q.ordinal() == raised ? step(p, raised) : p[q.ordinal()];
            float[] values = new float[weights.config.channels(q.site())];
            Arrays.fill(values, statistics.layer(l).table(q.input()).quantile(level));
            t.set(l, q.site(), values);
        }
        return pass.blockError(l, t);
    }
}
