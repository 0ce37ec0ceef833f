package dev.gambit.engine.testing;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import java.util.Arrays;

/** Logits of sequences, and what compares them. */
public final class Logits {

    private Logits() {}

    /** Evaluates tokens at once; returns the logits behind each, {@code [tokens][vocabulary]}. */
    public static float[][] atOnce(LanguageModel model, int... tokens) {
        try (Session s = model.session()) {
            return atOnce(s, tokens);
        }
    }

    /** Evaluates tokens at once in a session. */
    public static float[][] atOnce(Session s, int... tokens) {
        float[][] out = new float[tokens.length][];
        s.evaluate(tokens, 0, (first, rows, logits) -> {
            int vocabulary = logits.length / Math.min(64, tokens.length);
            for (int r = 0; r < rows; r++) {
                out[first + r] = Arrays.copyOfRange(logits, r * vocabulary, (r + 1) * vocabulary);
            }
        });
        return out;
    }

    /** Evaluates tokens one by one. */
    public static float[][] oneByOne(LanguageModel model, int... tokens) {
        try (Session s = model.session()) {
            return oneByOne(s, tokens);
        }
    }

    /** Evaluates tokens one by one in a session. */
    public static float[][] oneByOne(Session s, int... tokens) {
        float[][] out = new float[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            out[i] = s.evaluate(new int[] {tokens[i]});
        }
        return out;
    }

    /** Returns the largest difference. */
    public static double difference(float[] a, double[] b) {
        double max = a.length == b.length ? 0 : Double.POSITIVE_INFINITY;
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            double d = Math.abs(a[i] - b[i]);
            max = d <= max ? max : Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
        }
        return max;
    }

    /** Returns the largest difference over all positions. */
    public static double difference(float[][] a, double[][] b) {
        double max = a.length == b.length ? 0 : Double.POSITIVE_INFINITY;
        for (int r = 0; r < Math.min(a.length, b.length); r++) {
            max = Math.max(max, difference(a[r], b[r]));
        }
        return max;
    }

    /** Returns the largest difference over all positions. */
    public static double difference(float[][] a, float[][] b) {
        return difference(a, doubles(b));
    }

    private static double[][] doubles(float[][] a) {
        double[][] out = new double[a.length][];
        for (int r = 0; r < a.length; r++) {
            out[r] = new double[a[r].length];
            for (int i = 0; i < a[r].length; i++) {
                out[r][i] = a[r][i];
            }
        }
        return out;
    }

    /** Returns the natural logarithm of the sum of exponentials. */
    public static double logSumExp(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float v : logits) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : logits) {
            sum += Math.exp(v - max);
        }
        return max + Math.log(sum);
    }

    /** Returns the Kullback–Leibler divergence of {@code q} from {@code p}, in nats, the largest over all positions. */
    public static double divergence(float[][] p, float[][] q) {
        double max = 0;
        for (int r = 0; r < p.length; r++) {
            double lp = logSumExp(p[r]);
            double lq = logSumExp(q[r]);
            double sum = 0;
            for (int i = 0; i < p[r].length; i++) {
                sum += Math.exp(p[r][i] - lp) * (p[r][i] - lp - (q[r][i] - lq));
            }
            max = Math.max(max, sum);
        }
        return max;
    }
}
