package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;

/**
 * What moving a site's thresholds would do to the divergence of a masked model: over the entries whose magnitude is within
 * a factor {@code e^±BAND} of their threshold, the sum of {@code -g_i x_i}, the divergence that letting an entry
 * through would save to first order, all other errors being there; and how many such entries there are.
 */
final class MarginalCosts implements GradientPass.SiteListener {

    /** Half width of the band about a threshold, in its logarithm. */
    static final double BAND = 0.35;

    /** {@code [layer][site]}: nats, summed. */
    final double[][] saved;
    /** {@code [layer][site]}: entries in the band. */
    final double[][] entries;

    private final Thresholds thresholds;
    private final Workers workers;

    MarginalCosts(ModelConfig c, Thresholds thresholds, Workers workers) {
        this.thresholds = thresholds;
        this.workers = workers;
        saved = new double[c.layers()][Site.COUNT];
        entries = new double[c.layers()][Site.COUNT];
    }

    @Override
    public void site(int layer, Site site, float[] values, float[] gradients, int rows, int width, int ld) {
        float[] t = thresholds.get(layer, site);
        if (t == null) {
            return;
        }
        float low = (float) Math.exp(-BAND);
        float high = (float) Math.exp(BAND);
        double[] sum = new double[rows];
        int[] count = new int[rows];
        workers.run(rows, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                for (int i = 0; i < width; i++) {
                    float a = Math.abs(values[r * ld + i]);
                    if (a > low * t[i] && a <= high * t[i]) {
                        sum[r] -= (double) gradients[r * ld + i] * values[r * ld + i];
                        count[r]++;
                    }
                }
            }
        });
        for (int r = 0; r < rows; r++) {
            saved[layer][site.ordinal()] += sum[r];
            entries[layer][site.ordinal()] += count[r];
        }
    }
}
