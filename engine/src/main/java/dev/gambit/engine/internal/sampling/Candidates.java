package dev.gambit.engine.internal.sampling;

import dev.gambit.engine.GambitException;

/** The tokens still in the running for one draw, with their logits; the arrays are kept from draw to draw. */
final class Candidates {

    /** First guess at how many tokens top-p keeps of an unsorted vocabulary. */
    private static final int FIRST_PREFIX = 256;

    private final TopSelection selection = new TopSelection();
    private float[] source;
    private int count;
    private int[] ids = new int[0];
    private float[] logits = new float[0];
    private double[] weights = new double[0];
    private int size;
    private boolean sorted;

    int size() {
        return size;
    }

    int id(int index) {
        return ids[index];
    }

    /**
     * Starts a draw with the {@code k} highest logits, sorted, or with all, in the order of their ids.
     *
     * @param values the logits, one per token; read until the draw is over
     * @param length how many there are
     * @param k how many tokens to keep; 0 or less keeps all
     */
    void load(float[] values, int length, int k) {
        source = values;
        count = length;
        if (k > 0) {
            loadHighest(Math.min(k, length));
        } else {
            loadAll();
        }
        checkFinite(length);
    }

    /** Starts a draw with tokens that are the likeliest already, in order. */
    void loadSorted(int[] tokens, float[] values, int length) {
        reserve(length);
        System.arraycopy(tokens, 0, ids, 0, length);
        System.arraycopy(values, 0, logits, 0, length);
        size = length;
        sorted = true;
        checkFinite(length);
    }

    private void checkFinite(int length) {
        if (size == 0 || highest() == Float.POSITIVE_INFINITY) {
            throw new GambitException(GambitException.line("logits", "finite numbers",
                    size == 0 ? "none among " + length : "an infinite one", "check the model file"));
        }
    }

    private void loadAll() {
        reserve(count);
        size = 0;
        for (int i = 0; i < count; i++) {
            if (source[i] > Float.NEGATIVE_INFINITY) {
                ids[size] = i;
                logits[size++] = source[i];
            }
        }
        sorted = false;
    }

    private void loadHighest(int k) {
        reserve(k);
        size = selection.select(source, count, k);
        for (int i = 0; i < size; i++) {
            ids[i] = selection.index(i);
            logits[i] = source[ids[i]];
        }
        sorted = true;
    }

    private void reserve(int length) {
        if (ids.length < length) {
            ids = new int[length];
            logits = new float[length];
            weights = new double[length];
        }
    }

    private float highest() {
        float highest = logits[0];
        for (int i = 1; i < size && !sorted; i++) {
            highest = Math.max(highest, logits[i]);
        }
        return highest;
    }

    /** Keeps the fewest likeliest tokens whose probabilities sum up to at least {@code p}; one at least. */
    void topP(float p) {
        if (p >= 1) {
            return;
        }
        double total = weigh(1);
        if (sorted) {
            size = prefix(p * total);
            return;
        }
        int all = size;
        double highest = highest();
        for (long wanted = FIRST_PREFIX;; wanted *= 8) {
            loadHighest((int) Math.min(wanted, all));
            for (int i = 0; i < size; i++) {
                weights[i] = StrictMath.exp(logits[i] - highest);
            }
            int kept = prefix(p * total);
            // a prefix used up entirely may have been too short
            if (kept < size || size == all) {
                size = kept;
                return;
            }
        }
    }

    private int prefix(double wanted) {
        double sum = 0;
        for (int i = 0; i < size; i++) {
            sum += weights[i];
            if (sum >= wanted) {
                return i + 1;
            }
        }
        return size;
    }

    /** Keeps the tokens at least {@code p} times as likely as the likeliest. */
    void minP(float p) {
        if (p <= 0) {
            return;
        }
        float lowest = (float) (highest() + StrictMath.log(p));
        int kept = 0;
        for (int i = 0; i < size; i++) {
            if (logits[i] >= lowest) {
                ids[kept] = ids[i];
                logits[kept++] = logits[i];
            }
        }
        size = kept;
    }

    /**
     * Draws a token.
     *
     * @param temperature divides the logits; above 0
     * @param random from 0 (included) to 1 (excluded)
     * @return its id
     */
    int draw(float temperature, double random) {
        double target = weigh(temperature) * random;
        double sum = 0;
        int last = 0;
        for (int i = 0; i < size; i++) {
            if (weights[i] > 0) {
                sum += weights[i];
                last = i;
                if (sum > target) {
                    break;
                }
            }
        }
        return ids[last];
    }

    /** Sets the weights to the probabilities times their sum, which is returned. */
    private double weigh(float temperature) {
        double highest = highest();
        double total = 0;
        for (int i = 0; i < size; i++) {
            // StrictMath, because Math may differ in the last bit from one processor to the next
            weights[i] = StrictMath.exp((logits[i] - highest) / temperature);
            total += weights[i];
        }
        return total;
    }
}
