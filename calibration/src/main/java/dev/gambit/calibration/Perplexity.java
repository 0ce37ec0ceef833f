package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import java.util.function.IntPredicate;

/**
 * Perplexity as llama-perplexity measures it, and how far a sparse model's predictions are from the dense one's. Each window
 * is its own sequence; positions from half of it on predict the token behind them (of 512: 256 … 510 predict 257 … 511).
 * Errors are standard errors over tokens, as in llama.cpp.
 */
public final class Perplexity implements AutoCloseable {

    /** Dense logits of a window are kept, 1 GiB of them at most. */
    private static final long MAX_LOGITS = 1L << 28;

    /** Hears of each window. */
    @FunctionalInterface
    public interface ChunkListener {

        /**
         * @param chunk the window just finished, from 1
         * @param chunks all of them
         * @param perplexity of all windows so far
         */
        void chunk(int chunk, int chunks, double perplexity);
    }

    /**
     * A mean and its standard error.
     *
     * @param mean the mean
     * @param error standard error, 0 for fewer than two values
     */
    public record Estimate(double mean, double error) {}

    /**
     * What a model gave on a text.
     *
     * @param perplexity e to the mean negative log-likelihood
     * @param tokens tokens predicted
     * @param chunks windows
     * @param sparsity how sparsely the model ran, all positions of the windows counted
     */
    public record Result(Estimate perplexity, long tokens, int chunks, SparsityReport sparsity) {}

    /**
     * A sparse model beside the dense one.
     *
     * @param sparse the sparse model on all windows
     * @param dense the dense model on the windows compared
     * @param divergence mean KL(dense‖sparse) in nats over the windows compared
     * @param logRatio mean of the log-likelihoods' difference there: the logarithm of sparse over dense perplexity, paired
     * @param sameTop share of tokens with the same likeliest prediction
     */
    public record Comparison(Result sparse, Result dense, Estimate divergence, Estimate logRatio, Estimate sameTop) {}

    private final Workers workers;

    /**
     * @param threads threads that score logits; 0 for the processors this process may use
     */
    public Perplexity(int threads) {
        workers = new Workers(threads);
    }

    /**
     * Chooses windows evenly spaced from the first to the last: {@code ⌊i · (windows - 1) / (count - 1)⌋} for i from 0; all
     * where there are no more than {@code count}.
     */
    public static IntPredicate evenlySpaced(int windows, int count) {
        if (count >= windows) {
            return w -> true;
        }
        boolean[] chosen = new boolean[windows];
        for (int i = 0; i < count; i++) {
            chosen[(int) ((long) i * (windows - 1) / Math.max(1, count - 1))] = true;
        }
        return w -> chosen[w];
    }

    /**
     * Measures a model's perplexity.
     *
     * @param model with room for a window
     * @param windows the text
     * @param listener hears of each window
     */
    public Result evaluate(LanguageModel model, TokenWindows windows, ChunkListener listener) {
        return evaluate(model, windows, null, listener);
    }

    /**
     * Measures a model's perplexity and keeps its predictions.
     *
     * @param model with room for a window
     * @param windows the text
     * @param base gets the predictions, made for these windows; null for none
     * @param listener hears of each window
     */
    public Result evaluate(LanguageModel model, TokenWindows windows, LogitsFile base, ChunkListener listener) {
        Scores scores = new Scores(model, windows);
        scores.base = base;
        try (Session session = model.session()) {
            for (int w = 0; w < windows.count(); w++) {
                scores.window(session, w, null);
                listener.chunk(w + 1, windows.count(), scores.perplexity().mean());
            }
            return scores.result(windows.count(), session);
        }
    }

    /**
     * Measures a sparse model's perplexity on all windows, and its distance from the dense model on some.
     *
     * @param dense the same model, opened without sparsity
     * @param sparse the model in question
     * @param windows the text
     * @param compared which windows run on both models, from 0
     * @param listener hears of each window
     */
    public Comparison compare(
            LanguageModel dense,
            LanguageModel sparse,
            TokenWindows windows,
            IntPredicate compared,
            ChunkListener listener) {
        if (dense.thresholds() != null) {
            throw new GambitException(GambitException.line(
                    "model to compare with", "a dense one", "one with thresholds", "open it without sparsity"));
        }
        if (dense.tokenizer().vocabularySize() != sparse.tokenizer().vocabularySize()) {
            throw new GambitException(GambitException.line(
                    "model to compare with",
                    sparse.tokenizer().vocabularySize() + " tokens",
                    dense.tokenizer().vocabularySize(),
                    "compare one model with itself"));
        }
        Scores sparseScores = new Scores(sparse, windows);
        Scores denseScores = new Scores(dense, windows);
        long size = (long) sparseScores.rows * sparseScores.vocabulary;
        if (size > MAX_LOGITS) {
            throw new GambitException(GambitException.line(
                    "window of " + windows.size() + " tokens", "at most " + MAX_LOGITS + " logits", size,
                    "choose a smaller window (-c)"));
        }
        Reference reference = new Reference(sparseScores.rows, sparseScores.vocabulary);
        Mean ratio = new Mean();
        int both = 0;
        try (Session denseSession = dense.session();
                Session sparseSession = sparse.session()) {
            for (int w = 0; w < windows.count(); w++) {
                boolean compare = compared.test(w);
                if (compare) {
                    both++;
                    reference.keep = true;
                    denseScores.window(denseSession, w, reference);
                    reference.keep = false;
                }
                sparseScores.window(sparseSession, w, compare ? reference : null);
                for (int r = 0; compare && r < sparseScores.rows; r++) {
                    ratio.add(sparseScores.losses[r] - denseScores.losses[r]);
                }
                listener.chunk(w + 1, windows.count(), sparseScores.perplexity().mean());
            }
            return new Comparison(
                    sparseScores.result(windows.count(), sparseSession),
                    denseScores.result(both, denseSession),
                    sparseScores.divergence.estimate(),
                    ratio.estimate(),
                    sparseScores.sameTop.estimate());
        }
    }

    /** Ends the threads. */
    @Override
    public void close() {
        workers.close();
    }

    /** A mean and the mean of squares, as values come in. */
    private static final class Mean {
        private double sum;
        private double squares;
        private long count;

        void add(double value) {
            sum += value;
            squares += value * value;
            count++;
        }

        Estimate estimate() {
            double mean = count == 0 ? 0 : sum / count;
            double variance = count == 0 ? 0 : squares / count - mean * mean;
            return new Estimate(mean, count < 2 || variance <= 0 ? 0 : Math.sqrt(variance / (count - 1)));
        }
    }

    /** The dense model's logits of a window, and where they are summed to. */
    private static final class Reference {
        private final float[] logits;
        private final double[] logSums;
        private boolean keep;

        Reference(int rows, int vocabulary) {
            logits = new float[rows * vocabulary];
            logSums = new double[rows];
        }
    }

    /** One model's scores over the windows. Rows are scored in parallel and added up in order. */
    private final class Scores {
        private final TokenWindows windows;
        private final int vocabulary;
        private final int first;
        private final int rows;
        private final double[] losses;
        private final double[] divergences;
        private final boolean[] same;
        /** Where predictions are kept; null for nowhere. */
        private LogitsFile base;
        private final Mean loss = new Mean();
        private final Mean divergence = new Mean();
        private final Mean sameTop = new Mean();

        Scores(LanguageModel model, TokenWindows windows) {
            this.windows = windows;
            vocabulary = model.tokenizer().vocabularySize();
            first = windows.size() / 2;
            rows = windows.size() - 1 - first;
            if (rows < 1) {
                throw new GambitException(GambitException.line(
                        "window", "at least 4 tokens", windows.size(), "choose a larger window (-c)"));
            }
            losses = new double[rows];
            divergences = new double[rows];
            same = new boolean[rows];
        }

        /** Runs a window; with a reference, leaves the logits there or compares with those there. */
        void window(Session session, int w, Reference reference) {
            int[] tokens = windows.window(w);
            session.truncate(0);
            session.evaluate(tokens, first, (at, count, logits) -> workers.run(count, (from, to, worker) -> {
                for (int r = from; r < to; r++) {
                    int row = at + r - first;
                    // the last position predicts a token outside of the window
                    if (row < rows) {
                        score(row, tokens[first + row + 1], logits, r * vocabulary, reference);
                    }
                }
            }));
            if (base != null) {
                base.endWindow();
            }
            for (int r = 0; r < rows; r++) {
                loss.add(losses[r]);
                if (reference != null && !reference.keep) {
                    divergence.add(divergences[r]);
                    sameTop.add(same[r] ? 1 : 0);
                }
            }
        }

        private void score(int row, int token, float[] logits, int at, Reference reference) {
            double logSum = LogSoftmax.logSumExp(logits, at, vocabulary);
            losses[row] = logSum - logits[at + token];
            if (base != null) {
                base.put(row, logits, at, logSum);
            }
            if (reference == null) {
                return;
            }
            int there = row * vocabulary;
            if (reference.keep) {
                System.arraycopy(logits, at, reference.logits, there, vocabulary);
                reference.logSums[row] = logSum;
                return;
            }
            divergences[row] = LogSoftmax.divergence(
                    reference.logits, there, reference.logSums[row], logits, at, logSum, vocabulary);
            same[row] = LogSoftmax.argmax(reference.logits, there, vocabulary)
                    == LogSoftmax.argmax(logits, at, vocabulary);
        }

        Estimate perplexity() {
            Estimate e = loss.estimate();
            return new Estimate(Math.exp(e.mean()), e.error() * Math.exp(e.mean()));
        }

        Result result(int chunks, Session session) {
            return new Result(perplexity(), loss.count, chunks, session.report());
        }
    }
}
