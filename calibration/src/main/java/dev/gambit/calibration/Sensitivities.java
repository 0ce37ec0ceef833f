package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;

/**
 * For each channel of each site the mean of the squared gradient of the Fisher loss: to second order, dropping entry
 * {@code x_i} of a token costs {@code ½ x_i² s_i} nats of KL. It is what OBD (LeCun and others, NIPS 1989) and its
 * relatives call saliency, for activations instead of weights; CHESS's importance is the special case of one site and
 * of an output error in place of the model's.
 */
final class Sensitivities implements GradientPass.SiteListener {

    /** What one channel's own mean weighs against its site's: gradients are heavy-tailed and tokens are few. */
    private static final double OWN = 0.8;
    private static final double FLOOR = 1e-3;

    /** {@code [layer][site][channel]}; rounded to floats after each batch, so that a resumed run goes on exactly. */
    final float[][][] sums;

    private final Workers workers;
    private long rows;

    Sensitivities(ModelConfig c, Workers workers) {
        this.workers = workers;
        sums = new float[c.layers()][Site.COUNT][];
        for (float[][] layer : sums) {
            for (Site s : Site.values()) {
                layer[s.ordinal()] = new float[c.channels(s)];
            }
        }
    }

    @Override
    public void site(int layer, Site site, float[] values, float[] gradients, int rows, int width, int ld) {
        float[] sum = sums[layer][site.ordinal()];
        workers.run(width, (from, to, worker) -> {
            double[] here = new double[to - from];
            for (int r = 0; r < rows; r++) {
                for (int i = from; i < to; i++) {
                    double g = gradients[r * ld + i];
                    here[i - from] += g * g;
                }
            }
            for (int i = from; i < to; i++) {
                sum[i] += (float) here[i - from];
            }
        });
    }

    /** Counts positions whose gradients were added. */
    void addRows(long count) {
        rows += count;
    }

    /** Returns {@code sqrt(s_i)} of a site's channels: what a magnitude is weighed with. */
    float[] weights(int layer, Site site) {
        float[] sum = sums[layer][site.ordinal()];
        double mean = 0;
        for (float s : sum) {
            mean += s;
        }
        mean /= sum.length;
        float[] out = new float[sum.length];
        for (int i = 0; i < out.length; i++) {
            double s = Math.max(FLOOR * mean, OWN * sum[i] + (1 - OWN) * mean);
            // every second position's loss was counted
            out[i] = (float) Math.sqrt(2 * s / Math.max(1, rows));
        }
        return out;
    }
}
