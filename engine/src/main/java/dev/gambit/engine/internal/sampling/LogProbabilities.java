package dev.gambit.engine.internal.sampling;

import dev.gambit.engine.GambitException;
import java.util.ArrayList;
import java.util.List;

/** Natural logarithms of the probabilities that logits stand for: {@code logit - log(sum(exp(logits)))}. */
public final class LogProbabilities {

    /**
     * A token and its log-probability.
     *
     * @param token its id
     * @param value natural logarithm of its probability; 0 or less
     */
    public record Entry(int token, double value) {}

    private LogProbabilities() {}

    /**
     * The likeliest tokens.
     *
     * @param logits one per token of the vocabulary
     * @param n how many
     * @return {@code n} entries, or all with a finite logit if fewer; the likeliest first, among equals the lowest id
     * @throws GambitException if {@code n} is negative or there is no highest finite logit
     */
    public static List<Entry> top(float[] logits, int n) {
        if (n < 0) {
            throw new GambitException(GambitException.line("number of log-probabilities", "0 or more", n,
                    "ask for at least none"));
        }
        double logSum = logSum(logits);
        TopSelection selection = new TopSelection();
        int found = n == 0 ? 0 : selection.select(logits, logits.length, Math.min(n, logits.length));
        List<Entry> entries = new ArrayList<>(found);
        for (int i = 0; i < found; i++) {
            int token = selection.index(i);
            entries.add(new Entry(token, logits[token] - logSum));
        }
        return entries;
    }

    /**
     * The log-probability of one token.
     *
     * @param logits one per token of the vocabulary
     * @param token its id
     * @return natural logarithm of its probability; negative infinity if it is impossible
     * @throws GambitException if there is no such token or no highest finite logit
     */
    public static double of(float[] logits, int token) {
        if (token < 0 || token >= logits.length) {
            throw new GambitException(GambitException.line("token", "an id from 0 to " + (logits.length - 1), token,
                    "use ids of this model's vocabulary"));
        }
        return logits[token] - logSum(logits);
    }

    /**
     * The log-probability of one token and, behind it, those of the likeliest ones.
     *
     * @param logits one per token of the vocabulary
     * @param token an id
     * @param n how many of the likeliest
     * @return the token's entry, then as {@link #top}
     * @throws GambitException as {@link #of} and {@link #top}
     */
    public static List<Entry> ofAndTop(float[] logits, int token, int n) {
        List<Entry> entries = new ArrayList<>(n + 1);
        entries.add(new Entry(token, of(logits, token)));
        if (n > 0) {
            entries.addAll(top(logits, n));
        }
        return entries;
    }

    private static double logSum(float[] logits) {
        float highest = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            if (logit > highest) {
                highest = logit;
            }
        }
        if (!Float.isFinite(highest)) {
            throw new GambitException(GambitException.line("logits", "finite numbers",
                    highest > 0 ? "an infinite one" : "none among " + logits.length, "check the model file"));
        }
        double sum = 0;
        for (float logit : logits) {
            if (logit > Float.NEGATIVE_INFINITY) {
                sum += Math.exp((double) logit - highest);
            }
        }
        return highest + Math.log(sum);
    }
}
