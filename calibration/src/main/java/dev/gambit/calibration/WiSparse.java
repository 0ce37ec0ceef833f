package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * WiSparse (arXiv 2602.14452) as its abstract describes it, for no code of it is public: an input channel is scored
 * {@code |x_i| · ‖W[:,i]‖₂^a} with an exponent {@code a} for each block; a global budget is spread over the blocks by
 * evolutionary search on the model's divergence; inside a block levels then move between projections while
 * that lowers the block's reconstruction error. Population, mutations and steps are ours.
 */
public final class WiSparse {

    /** What {@code --policy} takes. */
    public static final String POLICY = "wisparse";

    private static final double[] EXPONENTS = {0, 0.5, 1};
    private static final double[] TARGETS = {0.2, 0.4, 0.6};
    private static final int QUANTILES = 200;
    private static final int PARENTS = 3;
    private static final int CHILDREN = 6;
    private static final int GENERATIONS = 6;
    private static final double MUTATION = 0.06;
    private static final double EXCHANGE = 0.015;
    private static final double TOP = 0.98;

    private final GradientWeights weights;
    private final GradientPass pass;
    private final HeadGradient head;
    private final int[][] window;
    private final float[] dense;
    private final ModelConfig c;
    private final float[][][] u;
    /** {@code [layer][projection][quantile]} of the scores. */
    private final float[][][] scores;
    private final double[] share = new double[Projection.values().length];

    private record Candidate(double[] levels, double divergence) {}

    private WiSparse(GradientWeights weights, Workers workers, int[] tokens) {
        this.weights = weights;
        c = weights.config;
        pass = new GradientPass(weights, workers, 1, tokens.length);
        head = new HeadGradient(weights, workers, pass.stride());
        window = new int[][] {tokens};
        pass.forward(window, null);
        dense = head.select(pass.output(), pass.rows());
        u = new float[c.layers()][Site.COUNT][];
        scores = new float[c.layers()][share.length][];
        for (Projection p : Projection.values()) {
            share[p.ordinal()] = TealGreedy.share(p, c, pass);
        }
    }

    /** Searches on the text's first window. */
    public static SearchedPolicy search(Path model, TokenWindows windows, int threads, ProgressListener progress) {
        try (Workers workers = new Workers(threads);
                GradientWeights weights = new GradientWeights(model, workers)) {
            WiSparse w = new WiSparse(weights, workers, windows.window(0));
            float[][][] norms = ColumnNorms.of(model, w.c.layers(), workers);
            int steps = 1 + TARGETS.length * (GENERATIONS + 1);
            progress.progress(POLICY, 0, steps);
            for (int l = 0; l < w.c.layers(); l++) {
                w.exponent(l, norms[l]);
            }
            List<double[][]> found = new ArrayList<>();
            for (int t = 0; t < TARGETS.length; t++) {
                int done = 1 + t * (GENERATIONS + 1);
                double[] blocks = w.evolve(
                        TARGETS[t], new SplittableRandom(t), g -> progress.progress(POLICY, done + g, steps));
                found.add(w.refine(blocks));
            }
            progress.progress(POLICY, steps, steps);
            return new SearchedPolicy(POLICY, w.tables(found), w.u);
        }
    }

    /** Chooses a block's exponent by its error at level 0.5 and keeps the scores' distributions. */
    private void exponent(int l, float[][] norms) {
        double best = Double.POSITIVE_INFINITY;
        float[][] bestU = null;
        float[][] bestScores = null;
        double[] half = new double[share.length];
        Arrays.fill(half, 0.5);
        for (double a : EXPONENTS) {
            for (Projection p : Projection.values()) {
                float[] n = norms[p.ordinal()];
                float[] w = new float[n.length];
                for (int i = 0; i < w.length; i++) {
                    w[i] = (float) Math.pow(Math.max(n[i], 1e-6), a);
                }
                u[l][p.site().ordinal()] = w;
                scores[l][p.ordinal()] = pass.quantiles(l, p.site(), w, QUANTILES);
            }
            double error = pass.blockError(l, masks(l, half));
            if (error < best) {
                best = error;
                bestU = u[l].clone();
                bestScores = scores[l].clone();
            }
        }
        u[l] = bestU;
        scores[l] = bestScores;
    }

    private float quantile(int l, int p, double level) {
        double at = Math.clamp(level, 0, TOP) * QUANTILES;
        int i = (int) at;
        float[] q = scores[l][p];
        return (float) (q[i] + (at - i) * (q[i + 1] - q[i]));
    }

    private void set(Thresholds t, int l, double[] levels) {
        for (Projection p : Projection.values()) {
            float[] w = u[l][p.site().ordinal()];
            float top = quantile(l, p.ordinal(), levels[p.ordinal()]);
            float[] values = new float[w.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = top / w[i];
            }
            t.set(l, p.site(), values);
        }
    }

    private Thresholds masks(int l, double[] levels) {
        Thresholds t = new Thresholds(c.layers());
        set(t, l, levels);
        return t;
    }

    /** Returns the blocks' levels with the least divergence found; their mean is the target. */
    private double[] evolve(double target, SplittableRandom random, java.util.function.IntConsumer generation) {
        double[] uniform = new double[c.layers()];
        Arrays.fill(uniform, target);
        List<Candidate> population = new ArrayList<>(List.of(new Candidate(uniform, divergence(uniform))));
        for (int g = 0; g < GENERATIONS; g++) {
            generation.accept(g);
            int parents = population.size();
            for (int child = 0; child < CHILDREN; child++) {
                double[] levels = population.get(child % parents).levels.clone();
                for (int pair = 0; pair < 1 + c.layers() / 4; pair++) {
                    int up = random.nextInt(levels.length);
                    int down = random.nextInt(levels.length);
                    double d = Math.min(MUTATION, Math.min(TOP - levels[up], levels[down]));
                    levels[up] += d;
                    levels[down] -= d;
                }
                population.add(new Candidate(levels, divergence(levels)));
            }
            population.sort(Comparator.comparingDouble(Candidate::divergence));
            population.subList(Math.min(PARENTS, population.size()), population.size()).clear();
        }
        generation.accept(GENERATIONS);
        return population.getFirst().levels;
    }

    private double divergence(double[] blocks) {
        Thresholds t = new Thresholds(c.layers());
        double[] levels = new double[share.length];
        for (int l = 0; l < c.layers(); l++) {
            Arrays.fill(levels, blocks[l]);
            set(t, l, levels);
        }
        pass.forward(window, t);
        return head.divergence(pass.output(), pass.rows(), dense, null);
    }

    /** Moves weights between a block's projections while its error falls. */
    private double[][] refine(double[] blocks) {
        pass.forward(window, null);
        double[][] out = new double[c.layers()][share.length];
        for (int l = 0; l < out.length; l++) {
            double[] levels = out[l];
            Arrays.fill(levels, blocks[l]);
            double error = pass.blockError(l, masks(l, levels));
            boolean better = true;
            while (better) {
                int up = cheapest(l, levels, 1);
                int down = cheapest(l, levels, -1);
                double[] moved = move(move(levels, up, 1), down, -1);
                double now = up == down ? error : pass.blockError(l, masks(l, moved));
                better = now < 0.999 * error;
                if (better) {
                    error = now;
                    System.arraycopy(moved, 0, levels, 0, levels.length);
                }
            }
        }
        return out;
    }

    private int cheapest(int l, double[] levels, int direction) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int p = 0; p < levels.length; p++) {
            double to = levels[p] + direction * EXCHANGE / share[p];
            double error = to < 0 || to > TOP ? Double.POSITIVE_INFINITY
                    : pass.blockError(l, masks(l, move(levels, p, direction)));
            if (error < least) {
                least = error;
                best = p;
            }
        }
        return best;
    }

    private double[] move(double[] levels, int p, int direction) {
        double[] out = levels.clone();
        out[p] = Math.clamp(out[p] + direction * EXCHANGE / share[p], 0, TOP);
        return out;
    }

    private float[][][] tables(List<double[][]> found) {
        double[] levels = SidecarWriter.levels();
        float[][][] tables = new float[c.layers()][Site.COUNT][];
        for (int l = 0; l < tables.length; l++) {
            for (Projection p : Projection.values()) {
                float[] table = new float[levels.length];
                for (int i = 1; i < table.length; i++) {
                    table[i] = quantile(l, p.ordinal(), interpolated(found, l, p.ordinal(), levels[i]));
                }
                tables[l][p.site().ordinal()] = table;
            }
        }
        return tables;
    }

    /** A projection's level: linear between the targets and 0, and on to {@link #TOP} at 1. */
    private static double interpolated(List<double[][]> found, int l, int p, double level) {
        double x0 = 0;
        double y0 = 0;
        for (int t = 0; t <= TARGETS.length; t++) {
            double x1 = t == TARGETS.length ? 1 : TARGETS[t];
            double y1 = t == TARGETS.length ? TOP : found.get(t)[l][p];
            if (level <= x1) {
                return y0 + (level - x0) / (x1 - x0) * (y1 - y0);
            }
            x0 = x1;
            y0 = y1;
        }
        return TOP;
    }
}
