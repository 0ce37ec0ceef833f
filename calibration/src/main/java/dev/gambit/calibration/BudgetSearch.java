package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gambit's own policy: one budget of weights, spent over all sites of all layers where it buys the least divergence.
 *
 * <p>First {@link Sensitivities}: entry {@code x_i} of a site costs {@code ½ x_i² s_i} to drop and saves {@code w} weights,
 * so it is dropped where {@code x_i² s_i / w} is below one price {@code λ} of the whole model: {@code t_i = sqrt(λ w / s_i)}.
 * The price of each budget is found on the masked model, from {@link ThresholdMargins}. docs/policy.md says what else was
 * tried.
 */
public final class BudgetSearch implements AutoCloseable {

    /** What {@code --policy} calls what is found. */
    public static final String POLICY = "gambit";
    /** The largest and the smallest budget. */
    public static final double LARGEST = 0.95;
    /** See {@link #LARGEST}. */
    public static final double SMALLEST = 0.05;
    private static final int BATCH = 2;
    /** Positions that a budget is met on. */
    private static final int SETTLED = 1024;
    /** A shift of thresholds, in their logarithm, after which the model is run again. */
    private static final double FAR = 0.1;

    /**
     * How much to do.
     *
     * @param budgets that are searched, falling
     * @param batches of gradients for the sensitivities
     */
    record Effort(double[] budgets, int batches) {

        /** What two cores do for a model of 135 million parameters in under ten minutes. */
        static Effort usual() {
            return new Effort(new double[] {0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05}, 12);
        }
    }

    /**
     * What the allocation gave on text that it was not searched on.
     *
     * @param budget what was asked for
     * @param active what was used
     * @param divergence KL(dense‖masked), nats
     */
    public record Check(double budget, double active, double divergence) {}

    private final ModelConfig config;
    private final TokenWindows windows;
    private final int searched;
    private final Workers workers;
    private final GradientWeights weights;
    private final GradientPass pass;
    private final HeadGradient head;
    private final ProgressListener progress;
    private final BudgetState state;
    private final int fisherBatches;
    private final Effort effort;
    private int done;

    /**
     * @param model the model file
     * @param windows the text; the last eighth, a batch at least, is held out to check with
     * @param threads 0 for the processors this process may use
     * @param state where to keep what has been found, to go on from after an interruption; null for nowhere
     */
    public BudgetSearch(Path model, TokenWindows windows, int threads, Path state, ProgressListener progress) {
        this(model, windows, threads, state, progress, Effort.usual());
    }

    BudgetSearch(
            Path model, TokenWindows windows, int threads, Path state, ProgressListener progress, Effort effort) {
        this.effort = effort;
        this.windows = windows;
        this.progress = progress;
        int batches = windows.count() / BATCH;
        if (batches < 2) {
            throw new GambitException(GambitException.line(
                    "text to search a budget on", 2 * BATCH + " windows of " + windows.size() + " tokens",
                    windows.count(), "give a longer text or smaller windows (-c)"));
        }
        searched = batches - Math.max(1, batches / 8);
        fisherBatches = Math.min(searched, effort.batches);
        workers = new Workers(threads);
        GradientWeights w = null;
        try {
            w = new GradientWeights(model, workers);
            weights = w;
            config = w.config;
            pass = new GradientPass(w, workers, BATCH, windows.size());
            head = new HeadGradient(w, workers, pass.stride());
            this.state = BudgetState.open(
                    state, BaseModel.of(model), windows, new Sensitivities(config, workers));
        } catch (RuntimeException | Error e) {
            if (w != null) {
                w.close();
            }
            workers.close();
            throw e;
        }
    }

    /**
     * Checks a budget before a long run.
     *
     * @throws GambitException where it cannot be met; says the nearest that can
     */
    public static void require(double budget) {
        if (!(budget >= SMALLEST && budget <= LARGEST)) {
            throw new GambitException(GambitException.line(
                    "budget", SMALLEST + " to " + LARGEST + " of the weights", budget,
                    "the nearest that can be met is " + (budget > LARGEST ? LARGEST : SMALLEST)));
        }
    }

    /** Searches, or goes on with a search that was interrupted. */
    public BudgetAllocation run() {
        Sensitivities s = state.sensitivities;
        done = state.batches + (state.next == null ? 0 : 1) + state.nodes.size();
        float[] gradient = new float[pass.output().length];
        for (int b = state.batches; b < fisherBatches; b++) {
            tick();
            pass.forward(batch(b), null);
            head.sampled(pass.output(), pass.rows(), 0x9e3779b9L * (b + 1), gradient);
            pass.backward(gradient, s);
            state.batches = b + 1;
            state.save();
        }
        s.addRows((long) fisherBatches * pass.rows());
        float[][][] u = new float[config.layers()][Site.COUNT][];
        for (int l = 0; l < u.length; l++) {
            for (Site site : Site.values()) {
                u[l][site.ordinal()] = s.weights(l, site);
            }
        }
        if (state.next == null) {
            tick();
            double[][] start = start();
            ThresholdMargins margins = margins(u, start);
            pass.forward(batch(0), null, margins);
            next(margins, start, effort.budgets[0]);
            state.save();
        }
        for (int n = state.nodes.size(); n < effort.budgets.length; n++) {
            tick();
            state.nodes.add(settle(n, u, state.next));
            state.save();
        }
        tick();
        return new BudgetAllocation(u, effort.budgets, state.nodes.toArray(double[][][]::new));
    }

    /** Guesses thresholds of a budget from what was seen at others, as the state holds them: a search that goes on finds the same. */
    private void next(ThresholdMargins margins, double[][] seenAt, double budget) {
        state.next = rounded(add(seenAt, margins.solve(new double[seenAt.length][Site.COUNT], budget)));
    }

    private ThresholdMargins margins(float[][][] u, double[][] logT) {
        return new ThresholdMargins(config, BudgetAllocation.thresholds(config, u, logT), workers);
    }

    /** The price's square root times that of each site's weights a channel, at an arbitrary price. */
    private double[][] start() {
        double[][] logT = new double[config.layers()][Site.COUNT];
        for (double[] layer : logT) {
            for (Site site : Site.values()) {
                layer[site.ordinal()] = 0.5 * Math.log(weightsPerChannel(site)) - 10;
            }
        }
        return logT;
    }

    private double weightsPerChannel(Site site) {
        return switch (site) {
            case Q_IN -> config.queryWidth();
            case K_IN -> config.keyWidth();
            case V_IN -> config.valueWidth();
            case O_IN, DOWN_IN -> config.embedding();
            case GATE_IN, UP_IN -> config.feedForward();
            case FFN_ACT -> 2.0 * config.embedding();
        };
    }

    /** Raises or lowers all thresholds of a budget together until the budget is met, and guesses those of the next. */
    private double[][] settle(int n, float[][][] u, double[][] from) {
        int settled = Math.clamp(SETTLED / pass.rows(), 1, searched);
        double[][] logT = from;
        double shift = 1;
        for (int i = 0; i < 3 && Math.abs(shift) > FAR; i++) {
            ThresholdMargins margins = margins(u, logT);
            double active = 0;
            for (int k = 0; k < settled; k++) {
                pass.forward(
                        batch(((n + i) * settled + k) % searched), BudgetAllocation.thresholds(config, u, logT),
                        margins);
                active += pass.active() / settled;
            }
            margins.calibrate(active);
            double[][] seenAt = logT;
            shift = margins.solve(new double[logT.length][Site.COUNT], effort.budgets[n]);
            logT = rounded(add(logT, shift));
            next(margins, seenAt, effort.budgets[Math.min(n + 1, effort.budgets.length - 1)]);
        }
        return logT;
    }

    /** Runs the allocation at some budgets on the part of the text that was held out. */
    public List<Check> check(BudgetAllocation a, double... budgets) {
        List<Check> checks = new ArrayList<>();
        double[] active = new double[budgets.length];
        double[] divergence = new double[budgets.length];
        int batches = windows.count() / BATCH;
        for (int b = searched; b < batches; b++) {
            pass.forward(batch(b), null);
            float[] base = head.select(pass.output(), pass.rows());
            for (int i = 0; i < budgets.length; i++) {
                progress.progress("held out", (b - searched) * budgets.length + i, (batches - searched)
                        * budgets.length);
                pass.forward(batch(b), BudgetAllocation.thresholds(config, a.weights(), a.at(budgets[i])));
                active[i] += pass.active();
                divergence[i] += head.divergence(pass.output(), pass.rows(), base, null);
            }
        }
        progress.progress("held out", (batches - searched) * budgets.length, (batches - searched) * budgets.length);
        for (int i = 0; i < budgets.length; i++) {
            checks.add(new Check(budgets[i], active[i] / (batches - searched), divergence[i] / (batches - searched)));
        }
        return checks;
    }

    private int[][] batch(int b) {
        int[][] out = new int[BATCH][];
        for (int i = 0; i < BATCH; i++) {
            out[i] = windows.window(b * BATCH + i);
        }
        return out;
    }

    private void tick() {
        int total = fisherBatches + 1 + effort.budgets.length;
        progress.progress("budget", Math.min(done++, total), total);
    }

    private static double[][] add(double[][] a, double more) {
        double[][] out = copy(a);
        for (double[] row : out) {
            Arrays.setAll(row, i -> row[i] + more);
        }
        return out;
    }

    private static double[][] rounded(double[][] a) {
        double[][] out = copy(a);
        for (double[] row : out) {
            Arrays.setAll(row, i -> (float) row[i]);
        }
        return out;
    }

    private static double[][] copy(double[][] a) {
        double[][] out = new double[a.length][];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[i].clone();
        }
        return out;
    }

    @Override
    public void close() {
        weights.close();
        workers.close();
    }
}
