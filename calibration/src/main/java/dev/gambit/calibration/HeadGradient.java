package dev.gambit.calibration;

import java.util.SplittableRandom;

/**
 * The lm head's end of a gradient. Two losses: the negative log-likelihood of tokens drawn from the model's own
 * predictions, whose squared gradients are on average the Fisher information (Martens, arXiv 1412.1193, §9.2), and
 * KL(dense‖masked). Every second position counts.
 */
final class HeadGradient {

    /** Rows of logits that a thread holds at a time. */
    private static final int BLOCK = 128;

    private final GradientWeights weights;
    private final Workers workers;
    private final FloatProducts products;
    private final int vocabulary;
    private final int width;
    private final int stride;
    private final float[][] logits;
    private final float[][] base;

    HeadGradient(GradientWeights weights, Workers workers, int stride) {
        this.weights = weights;
        this.workers = workers;
        this.stride = stride;
        products = new FloatProducts(workers);
        vocabulary = weights.config.vocabulary();
        width = weights.config.embedding();
        int ld = FloatProducts.pad(vocabulary);
        logits = new float[workers.size()][BLOCK * ld];
        base = new float[workers.size()][];
    }

    /** Returns the rows of {@code output} that count. */
    float[] select(float[] output, int rows) {
        float[] chosen = new float[(rows + 1) / 2 * stride];
        for (int r = 0; r < rows; r += 2) {
            System.arraycopy(output, r * stride, chosen, r / 2 * stride, stride);
        }
        return chosen;
    }

    /** Writes the gradient of the Fisher loss and returns the loss's mean. */
    double sampled(float[] output, int rows, long seed, float[] gradient) {
        return run(output, rows, null, seed, gradient);
    }

    /**
     * Writes the gradient of the summed divergence and returns its mean.
     *
     * @param dense {@link #select} of the dense model's output
     * @param gradient null where it is not wanted
     */
    double divergence(float[] output, int rows, float[] dense, float[] gradient) {
        return run(output, rows, dense, 0, gradient);
    }

    private double run(float[] output, int rows, float[] dense, long seed, float[] gradient) {
        float[] z = select(output, rows);
        int n = z.length / stride;
        float[] dz = new float[z.length];
        double[] losses = new double[n];
        int ld = FloatProducts.pad(vocabulary);
        workers.run(n, (from, to, worker) -> {
            float[] x = logits[worker];
            if (dense != null && base[worker] == null) {
                base[worker] = new float[x.length];
            }
            for (int r = from; r < to; r += BLOCK) {
                int m = Math.min(BLOCK, to - r);
                products.forward(z, r * stride, stride, m, weights.head, 0, vocabulary, width, x, 0, ld, false, worker);
                if (dense != null) {
                    products.forward(
                            dense, r * stride, stride, m, weights.head, 0, vocabulary, width, base[worker], 0, ld,
                            false, worker);
                }
                for (int i = 0; i < m; i++) {
                    losses[r + i] = dense == null
                            ? sample(x, i * ld, new SplittableRandom(seed + r + i).nextDouble())
                            : diverge(x, base[worker], i * ld, gradient != null);
                }
                if (gradient != null) {
                    products.backward(
                            x, 0, ld, m, weights.head, 0, vocabulary, width, dz, r * stride, stride, false, worker);
                }
            }
        });
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        if (gradient != null) {
            java.util.Arrays.fill(gradient, 0f);
            for (int i = 0; i < n; i++) {
                System.arraycopy(dz, i * stride, gradient, 2 * i * stride, stride);
            }
        }
        return sum / n;
    }

    /** Turns logits into {@code p - onehot(drawn)} and returns the drawn token's loss. */
    private double sample(float[] x, int at, double u) {
        double logSum = LogSoftmax.logSumExp(x, at, vocabulary);
        double below = 0;
        int drawn = -1;
        double loss = 0;
        for (int i = 0; i < vocabulary; i++) {
            double p = LogSoftmax.exp(x[at + i] - logSum);
            below += p;
            if (drawn < 0 && (below > u || i == vocabulary - 1)) {
                drawn = i;
                loss = logSum - x[at + i];
            }
            x[at + i] = (float) p;
        }
        x[at + drawn] -= 1f;
        return loss;
    }

    /** Returns KL(p‖q) and, where the gradient is wanted, turns logits into {@code q - p}. */
    private double diverge(float[] x, float[] dense, int at, boolean gradient) {
        double logQ = LogSoftmax.logSumExp(x, at, vocabulary);
        double logP = LogSoftmax.logSumExp(dense, at, vocabulary);
        double loss = LogSoftmax.divergence(dense, at, logP, x, at, logQ, vocabulary);
        for (int i = 0; gradient && i < vocabulary; i++) {
            x[at + i] = (float) (LogSoftmax.exp(x[at + i] - logQ) - LogSoftmax.exp(dense[at + i] - logP));
        }
        return loss;
    }
}
