package dev.gambit.calibration;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import java.util.Arrays;

/**
 * How far a model's predictions are from those kept in a {@link LogitsFile}: the second of llama-perplexity's two steps,
 * with its formulas. KL(base‖model) of a token is {@code Σ p (log p - log q)} over the entries that the file resolves.
 */
public final class KlDivergence {

    /** Hears of each window. */
    @FunctionalInterface
    public interface ChunkListener {

        /**
         * @param chunk the window just finished, from 1
         * @param chunks all of them
         * @param sofar what the windows up to here gave
         */
        void chunk(int chunk, int chunks, Result sofar);
    }

    /**
     * What the comparison gave, numbers a token in the order of the text.
     *
     * @param losses negative log-likelihood of the next token by the model, nats
     * @param baseLosses the same by the base
     * @param divergences KL(base‖model), nats
     * @param sameTop whether both have the same likeliest token
     * @param sparsity how sparsely the model ran
     */
    public record Result(
            double[] losses, double[] baseLosses, double[] divergences, boolean[] sameTop, SparsityReport sparsity) {

        /** Returns the number of tokens. */
        public int tokens() {
            return losses.length;
        }

        /** Returns the model's perplexity. */
        public Estimate perplexity() {
            return exp(mean(losses));
        }

        /** Returns the base's perplexity. */
        public Estimate basePerplexity() {
            return exp(mean(baseLosses));
        }

        /** Returns the mean divergence. */
        public Estimate divergence() {
            return mean(divergences);
        }

        /** Returns the mean of {@code ln PPL(model) - ln PPL(base)}, paired. */
        public Estimate logRatio() {
            double[] x = new double[losses.length];
            Arrays.setAll(x, i -> losses[i] - baseLosses[i]);
            return mean(x);
        }

        /** Returns the correlation of the two models' losses; 1 where one of them does not vary. */
        public double correlation() {
            double a = mean(losses).mean();
            double b = mean(baseLosses).mean();
            double ab = 0;
            double aa = 0;
            double bb = 0;
            for (int i = 0; i < losses.length; i++) {
                ab += (losses[i] - a) * (baseLosses[i] - b);
                aa += (losses[i] - a) * (losses[i] - a);
                bb += (baseLosses[i] - b) * (baseLosses[i] - b);
            }
            return aa == 0 || bb == 0 ? 1 : ab / Math.sqrt(aa * bb);
        }

        /** Returns what the model gives the text's next token more than the base does. */
        public double[] probabilityDifferences() {
            double[] x = new double[losses.length];
            Arrays.setAll(x, i -> Math.exp(-losses[i]) - Math.exp(-baseLosses[i]));
            return x;
        }

        /** Returns the root mean square of {@link #probabilityDifferences}. */
        public Estimate rmsProbabilityDifference() {
            double[] x = probabilityDifferences();
            Arrays.setAll(x, i -> x[i] * x[i]);
            Estimate e = mean(x);
            double rms = Math.sqrt(e.mean());
            return new Estimate(rms, rms == 0 ? 0 : 0.5 / rms * e.error());
        }

        /** Returns the share of tokens with the same likeliest prediction. */
        public Estimate sameTopShare() {
            double[] x = new double[sameTop.length];
            Arrays.setAll(x, i -> sameTop[i] ? 1 : 0);
            return mean(x);
        }

        /** Returns a mean and its standard error. */
        public static Estimate mean(double[] x) {
            double sum = 0;
            for (double v : x) {
                sum += v;
            }
            double mean = x.length == 0 ? 0 : sum / x.length;
            double squares = 0;
            for (double v : x) {
                squares += (v - mean) * (v - mean);
            }
            return new Estimate(mean, x.length < 2 ? 0 : Math.sqrt(squares / x.length / (x.length - 1)));
        }

        /**
         * Returns a quantile, interpolated between neighbours.
         *
         * @param x numbers, at least one
         * @param fraction from 0, the smallest, to 1, the largest
         */
        public static double quantile(double[] x, double fraction) {
            double[] sorted = x.clone();
            Arrays.sort(sorted);
            double at = fraction * (sorted.length - 1);
            int i = (int) at;
            return sorted[i] + (at - i) * (sorted[Math.min(i + 1, sorted.length - 1)] - sorted[i]);
        }

        private static Estimate exp(Estimate e) {
            return new Estimate(Math.exp(e.mean()), e.error() * Math.exp(e.mean()));
        }
    }

    private final Workers workers;
    private final int vocabulary;
    private final float[][] base;
    private double[] losses;
    private double[] baseLosses;
    private double[] divergences;
    private boolean[] sameTop;

    private KlDivergence(Workers workers, int vocabulary, int tokens) {
        this.workers = workers;
        this.vocabulary = vocabulary;
        base = new float[workers.size()][vocabulary];
        losses = new double[tokens];
        baseLosses = new double[tokens];
        divergences = new double[tokens];
        sameTop = new boolean[tokens];
    }

    /**
     * Runs a model on the windows of a file and compares.
     *
     * @param model with room for a window
     * @param file just opened, for the model's vocabulary
     * @param windows those of {@link LogitsFile#windows}
     * @param threads threads that score logits; 0 for the processors this process may use
     * @param listener hears of each window
     */
    public static Result compare(
            LanguageModel model, LogitsFile file, TokenWindows windows, int threads, ChunkListener listener) {
        int first = windows.size() / 2;
        int rows = LogitsFile.rows(windows.size());
        try (Workers workers = new Workers(threads);
                Session session = model.session()) {
            KlDivergence d = new KlDivergence(
                    workers, model.tokenizer().vocabularySize(), Math.multiplyExact(rows, windows.count()));
            for (int w = 0; w < windows.count(); w++) {
                int[] tokens = windows.window(w);
                int done = w * rows;
                file.nextWindow();
                session.truncate(0);
                session.evaluate(tokens, first, (at, count, logits) -> workers.run(count, (from, to, worker) -> {
                    for (int r = from; r < to; r++) {
                        int row = at + r - first;
                        // the last position predicts a token outside of the window
                        if (row < rows) {
                            file.get(row, d.base[worker]);
                            d.score(done + row, tokens[first + row + 1], logits, r * d.vocabulary, d.base[worker]);
                        }
                    }
                }));
                listener.chunk(w + 1, windows.count(), d.result(done + rows, session));
            }
            return d.result(rows * windows.count(), session);
        }
    }

    /** Scores one row. */
    private void score(int i, int token, float[] logits, int at, float[] logP) {
        double logSum = LogSoftmax.logSumExp(logits, at, vocabulary);
        losses[i] = logSum - logits[at + token];
        baseLosses[i] = -logP[token];
        divergences[i] = divergence(logP, logits, at, logSum, vocabulary);
        sameTop[i] = LogSoftmax.argmax(logP, 0, vocabulary) == LogSoftmax.argmax(logits, at, vocabulary);
    }

    /** Returns {@code Σ p (log p - log q)} over the entries above {@link LogitsFile#FLOOR}. */
    static double divergence(float[] logP, float[] logits, int at, double logSum, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            if (logP[i] > LogitsFile.FLOOR) {
                sum += LogSoftmax.exp(logP[i]) * (logP[i] - logits[at + i] + logSum);
            }
        }
        return sum;
    }

    private Result result(int tokens, Session session) {
        return new Result(
                Arrays.copyOf(losses, tokens),
                Arrays.copyOf(baseLosses, tokens),
                Arrays.copyOf(divergences, tokens),
                Arrays.copyOf(sameTop, tokens),
                session.report());
    }
}
