package dev.gambit.calibration;

import dev.gambit.calibration.TaskRequests.Sequence;
import dev.gambit.engine.Session;
import java.util.Arrays;
import java.util.List;

/**
 * The log-likelihoods of an item's continuations. What the requests of an item begin with in common is evaluated once, and
 * the session keeps it from one item to the next as far as they agree; what follows is evaluated behind it and forgotten.
 */
final class TaskScorer {

    private final Session session;
    private final int vocabulary;
    /** Logits behind the common beginning. */
    private final float[] shared;
    private double sharedLogSum;
    /** What the session holds. */
    private int[] held = {};

    TaskScorer(Session session, int vocabulary) {
        this.session = session;
        this.vocabulary = vocabulary;
        shared = new float[vocabulary];
    }

    /** Returns {@code Σ log p(token | before)} over the scored tokens of each sequence, in nats. */
    double[] logLikelihoods(List<Sequence> sequences) {
        double[] sums = new double[sequences.size()];
        int common = common(sequences);
        if (common == 0) {
            // nothing in common: each is alone
            Arrays.setAll(sums, i -> logLikelihoods(sequences.subList(i, i + 1))[0]);
            return sums;
        }
        begin(sequences.getFirst().tokens(), common);
        for (int i = 0; i < sums.length; i++) {
            Sequence s = sequences.get(i);
            int[] tokens = s.tokens();
            session.truncate(common);
            if (s.start() == common) {
                sums[i] = shared[tokens[common]] - sharedLogSum;
            }
            int[] fed = Arrays.copyOfRange(tokens, common, tokens.length - 1);
            if (fed.length > 0) {
                sums[i] += follow(fed, tokens, common, s.start());
            }
            held = Arrays.copyOf(tokens, tokens.length - 1);
        }
        return sums;
    }

    /** Returns how many tokens all begin with, at most those before a scored one. */
    private static int common(List<Sequence> sequences) {
        int common = Integer.MAX_VALUE;
        for (Sequence s : sequences) {
            common = Math.min(Math.min(common, s.start()), agree(sequences.getFirst().tokens(), s.tokens()));
        }
        return common;
    }

    /** Evaluates the common beginning, at least its last token, and keeps the logits behind it. */
    private void begin(int[] tokens, int common) {
        int known = Math.min(Math.min(agree(held, tokens), common - 1), session.position());
        session.truncate(known);
        session.evaluate(Arrays.copyOfRange(tokens, known, common), common - 1 - known, (at, rows, logits) -> System
                .arraycopy(logits, (rows - 1) * vocabulary, shared, 0, vocabulary));
        sharedLogSum = LogSoftmax.logSumExp(shared, 0, vocabulary);
    }

    /** Scores what follows the common beginning; row r of {@code fed} predicts token {@code common + r + 1}. */
    private double follow(int[] fed, int[] tokens, int common, int start) {
        int from = Math.max(0, start - 1 - common);
        double[] sum = new double[1];
        session.evaluate(fed, from, (at, rows, logits) -> {
            for (int r = 0; r < rows; r++) {
                double logSum = LogSoftmax.logSumExp(logits, r * vocabulary, vocabulary);
                sum[0] += logits[r * vocabulary + tokens[common + at + r + 1]] - logSum;
            }
        });
        return sum[0];
    }

    private static int agree(int[] a, int[] b) {
        int n = Math.min(a.length, b.length);
        int i = Arrays.mismatch(a, 0, n, b, 0, n);
        return i < 0 ? n : i;
    }
}
