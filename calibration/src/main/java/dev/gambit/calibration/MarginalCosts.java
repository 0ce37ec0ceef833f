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
    /** {@link #saved} by channel, {@code [layer][site][channel]}. */
    final double[][][] channelSaved;
    /** {@link #entries} by channel. */
    final int[][][] channelEntries;

    private final Thresholds thresholds;
    private final Workers workers;

    MarginalCosts(ModelConfig c, Thresholds thresholds, Workers workers) {
        this.thresholds = thresholds;
        this.workers = workers;
        saved = new double[c.layers()][Site.COUNT];
        entries = new double[c.layers()][Site.COUNT];
        channelSaved = new double[c.layers()][Site.COUNT][];
        channelEntries = new int[c.layers()][Site.COUNT][];
    }

    @Override
    public void site(int layer, Site site, float[] values, float[] gradients, int rows, int width, int ld) {
        float[] t = thresholds.get(layer, site);
        if (t == null) {
            return;
        }
        float low = (float) Math.exp(-BAND);
        float high = (float) Math.exp(BAND);
        double[] sum = new double[width];
        int[] count = new int[width];
        workers.run(width, (from, to, worker) -> {
            for (int r = 0; r < rows; r++) {
                for (int i = from; i < to; i++) {
                    float x = values[r * ld + i];
                    float a = Math.abs(x);
                    boolean in = a > low * t[i] && a <= high * t[i];
                    sum[i] -= in ? (double) gradients[r * ld + i] * x : 0;
                    count[i] += in ? 1 : 0;
                }
            }
        });
        for (int i = 0; i < width; i++) {
            saved[layer][site.ordinal()] += sum[i];
            entries[layer][site.ordinal()] += count[i];
        }
        channelSaved[layer][site.ordinal()] = sum;
        channelEntries[layer][site.ordinal()] = count;
    }
}
