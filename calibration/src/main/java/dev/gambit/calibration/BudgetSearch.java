package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gambit's own policy: one budget of weights, spent over all sites of all layers where it buys the least divergence.
 *
 * <p>First {@link Sensitivities}: entry {@code x_i} of a site costs {@code ½ x_i² s_i} to drop and saves {@code w} weights,
 * so it is dropped where {@code x_i² s_i / w} is below one price {@code λ} of the whole model: {@code t_i = sqrt(λ w / s_i)}.
 * That holds while errors are small and independent. Then, at each budget, {@link MarginalCosts} measures on the masked
 * model itself what a weight at each layer's and site's threshold is worth, all other errors being there, and thresholds
 * move until they agree.
 */
public final class BudgetSearch implements AutoCloseable {

    /** What {@code --policy} calls what is found. */
    public static final String POLICY = "gambit";
    /** The largest and the smallest budget. */
    public static final double LARGEST = 0.95;
    /** See {@link #LARGEST}. */
    public static final double SMALLEST = 0.05;
    private static final double FIRST_REFINED = 0.9;
    private static final double LAST_REFINED = 0.5;
    private static final int BATCH = 2;
    private static final double STEP = 0.35;
    private static final double LARGEST_STEP = 0.25;
    /** Positions that a budget is met on. */
    private static final int SETTLED = 1024;
    /** A shift of thresholds, in their logarithm, after which the model is run again. */
    private static final double FAR = 0.1;

    /**
     * How much to do.
     *
     * @param budgets that are searched, falling; above {@value #FIRST_REFINED} and below {@value #LAST_REFINED} the price alone
     *     changes
     * @param batches of gradients for the sensitivities
     * @param rounds of corrections at each budget
     */
    record Effort(double[] budgets, int batches, int rounds) {

        /** What two cores do for a model of 135 million parameters in under ten minutes. */
        static Effort usual() {
            return new Effort(new double[] {0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05}, 12, 2);
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
    /** The budgets that are corrected on the masked model. */
    private final double[] refined;
    /** What each round of corrections found before it, on the batch it was made on. */
    final List<Check> rounds = new ArrayList<>();
    private final List<float[]> dense = new ArrayList<>();
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
        refined = Arrays.stream(effort.budgets)
                .filter(b -> effort.rounds > 0 && b <= FIRST_REFINED && b >= LAST_REFINED)
                .toArray();
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
                    state, BaseModel.of(model), windows, new Sensitivities(config, workers), new ChannelWorth(config));
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
            keep(b);
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
            next(margins, start, start, refined.length == 0 ? effort.budgets[0] : refined[0]);
            state.save();
        }
        for (int n = state.nodes.size(); n < refined.length; n++) {
            tick();
            state.nodes.add(refine(n, u, state.next, gradient));
            state.save();
        }
        for (int l = 0; l < u.length; l++) {
            for (Site site : Site.values()) {
                u[l][site.ordinal()] = state.worth.corrected(l, site, u[l][site.ordinal()]);
            }
        }
        int above = (int) Arrays.stream(effort.budgets).filter(b -> b > FIRST_REFINED).count();
        for (int n = state.nodes.size() - refined.length; n < effort.budgets.length; n++) {
            tick();
            int i = Math.max(0, n - above);
            state.nodes.add(settle(n, u, i < refined.length ? state.nodes.get(i) : state.next));
            state.save();
        }
        tick();
        return new BudgetAllocation(
                u, effort.budgets, state.nodes.subList(refined.length, state.nodes.size()).toArray(double[][][]::new));
    }

    /** Guesses thresholds of a budget from what was seen at others, as the state holds them: a search that goes on finds the same. */
    private void next(ThresholdMargins margins, double[][] seenAt, double[][] from, double budget) {
        double[][] shift = difference(from, seenAt);
        state.next = rounded(add(from, margins.solve(shift, budget)));
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

    /** Returns the weights that dropping an entry saves, others being dropped already. */
    private double weightsSaved(int l, Site site, ThresholdMargins margins) {
        return switch (site) {
            case UP_IN -> config.feedForward() * margins.kept(l, Site.FFN_ACT, 0);
            case FFN_ACT -> config.embedding()
                    * (margins.kept(l, Site.UP_IN, 0)
                            + Math.min(1, margins.kept(l, Site.DOWN_IN, 0) / margins.kept(l, Site.FFN_ACT, 0)));
            default -> weightsPerChannel(site);
        };
    }

    /** Corrects a budget's thresholds on the masked model, and guesses those of the next. */
    private double[][] refine(int n, float[][][] u, double[][] from, float[] gradient) {
        double[][] logT = from;
        for (int round = 0; round < effort.rounds; round++) {
            int b = (n * effort.rounds + round) % fisherBatches;
            float[] base = dense(b);
            Thresholds t = BudgetAllocation.thresholds(config, u, logT);
            ThresholdMargins margins = new ThresholdMargins(config, t, workers);
            pass.forward(batch(b), t, margins);
            margins.calibrate(pass.active());
            double active = pass.active();
            double kl = head.divergence(pass.output(), pass.rows(), base, gradient);
            rounds.add(new Check(refined[n], active, kl));
            MarginalCosts costs = new MarginalCosts(config, t, workers);
            pass.backward(gradient, costs);
            state.worth.add(costs);
            double[][] seenAt = logT;
            logT = copy(logT);
            move(logT, costs, margins);
            logT = rounded(add(logT, margins.solve(difference(logT, seenAt), refined[n])));
            next(margins, seenAt, logT, refined[Math.min(n + 1, refined.length - 1)]);
        }
        return logT;
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
                        batch(((n + i) * settled + k) % searched), BudgetAllocation.thresholds(config, u, logT), margins);
                active += pass.active() / settled;
            }
            margins.calibrate(active);
            double[][] seenAt = logT;
            shift = margins.solve(new double[logT.length][Site.COUNT], effort.budgets[n]);
            logT = rounded(add(logT, shift));
            next(margins, seenAt, logT, effort.budgets[Math.min(n + 1, effort.budgets.length - 1)]);
        }
        return logT;
    }

    /** Moves thresholds towards equal worth of a weight at each. */
    private void move(double[][] logT, MarginalCosts costs, ThresholdMargins margins) {
        double all = 0;
        double weightsInBand = 0;
        for (int l = 0; l < logT.length; l++) {
            for (Site site : Site.values()) {
                all += costs.saved[l][site.ordinal()];
                weightsInBand += costs.entries[l][site.ordinal()] * weightsSaved(l, site, margins);
            }
        }
        double price = all / weightsInBand;
        if (!(price > 0)) {
            // so few positions, or so small a divergence, that dropping seems to help: nothing can be learnt here
            return;
        }
        for (int l = 0; l < logT.length; l++) {
            for (Site site : Site.values()) {
                double w = costs.entries[l][site.ordinal()] * weightsSaved(l, site, margins);
                double worth = w == 0 ? price : costs.saved[l][site.ordinal()] / w;
                double step = -STEP * Math.log(Math.max(worth, 0.05 * price) / price);
                logT[l][site.ordinal()] += Math.clamp(step, -LARGEST_STEP, LARGEST_STEP);
            }
        }
    }

    /** Runs the allocation at some budgets on the part of the text that was held out. */
    public List<Check> check(BudgetAllocation a, double... budgets) {
        List<Check> checks = new ArrayList<>();
        double[] active = new double[budgets.length];
        double[] divergence = new double[budgets.length];
        int batches = windows.count() / BATCH;
        for (int b = searched; b < batches; b++) {
            float[] base = dense(b);
            for (int i = 0; i < budgets.length; i++) {
                progress.progress("held out", (b - searched) * budgets.length + i, (batches - searched) * budgets.length);
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

    /** The dense model's output for a batch, kept: it is asked for again. */
    private float[] dense(int b) {
        while (dense.size() <= b) {
            dense.add(null);
        }
        if (dense.get(b) == null) {
            pass.forward(batch(b), null);
            keep(b);
        }
        return dense.get(b);
    }

    /** Keeps the dense output that the pass has just given. */
    private void keep(int b) {
        while (dense.size() <= b) {
            dense.add(null);
        }
        dense.set(b, head.select(pass.output(), pass.rows()));
    }

    private int[][] batch(int b) {
        int[][] out = new int[BATCH][];
        for (int i = 0; i < BATCH; i++) {
            out[i] = windows.window(b * BATCH + i);
        }
        return out;
    }

    private void tick() {
        int total = fisherBatches + 1 + refined.length + effort.budgets.length;
        progress.progress("budget", Math.min(done++, total), total);
    }

    private static double[][] add(double[][] a, double more) {
        double[][] out = copy(a);
        for (double[] row : out) {
            Arrays.setAll(row, i -> row[i] + more);
        }
        return out;
    }

    private static double[][] difference(double[][] a, double[][] b) {
        double[][] out = copy(a);
        for (int l = 0; l < out.length; l++) {
            for (int s = 0; s < out[l].length; s++) {
                out[l][s] -= b[l][s];
            }
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
