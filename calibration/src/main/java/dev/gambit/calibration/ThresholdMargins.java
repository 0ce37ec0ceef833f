package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;

/**
 * How far a masked model's activations are from their thresholds: for each layer and site a histogram of {@code |x_i| / t_i}
 * over every second position. It says what the model would use with other thresholds without running it again, as far as
 * activations stay what they are.
 */
final class ThresholdMargins implements GradientPass.SiteListener {

    /** Bins are the leading bits of the float: 32 for each power of two from 2⁻¹⁶ to 2¹⁶. */
    private static final int BITS = 5;
    private static final int SHIFT = 23 - BITS;
    private static final int OCTAVES = 32;
    private static final int BINS = OCTAVES << BITS;
    private static final int BASE = (127 - OCTAVES / 2) << 23;

    private final ModelConfig c;
    private final Workers workers;
    private final Thresholds thresholds;
    /** {@code [layer][site][bin]}: entries in a bin and in those beyond. */
    private final int[][][] above;
    private final int[] rows;
    private double bias;

    /**
     * @param thresholds what magnitudes are divided by; none is 0
     */
    ThresholdMargins(ModelConfig c, Thresholds thresholds, Workers workers) {
        this.c = c;
        this.thresholds = thresholds;
        this.workers = workers;
        above = new int[c.layers()][Site.COUNT][BINS + 1];
        rows = new int[c.layers()];
    }

    @Override
    public void site(int layer, Site site, float[] values, float[] gradients, int rows, int width, int ld) {
        float[] t = thresholds.get(layer, site);
        float[] inverse = new float[width];
        for (int i = 0; i < width; i++) {
            inverse[i] = 1 / t[i];
        }
        int[][] counts = new int[workers.size()][BINS + 1];
        workers.run((rows + 1) / 2, (from, to, worker) -> {
            int[] bins = counts[worker];
            for (int r = 2 * from; r < 2 * to; r += 2) {
                for (int i = 0; i < width; i++) {
                    bins[MagnitudeHistogram.bin(values[r * ld + i] * inverse[i], BASE, SHIFT, BINS)]++;
                }
            }
        });
        int[] sum = above[layer][site.ordinal()];
        int beyond = 0;
        for (int b = BINS - 1; b >= 0; b--) {
            for (int[] count : counts) {
                beyond += count[b];
            }
            sum[b] += beyond;
        }
        if (site == Site.Q_IN) {
            this.rows[layer] += (rows + 1) / 2;
        }
    }

    /** Returns the fraction of a site's entries above {@code e^shift} times their thresholds. */
    double kept(int layer, Site site, double shift) {
        int[] sum = above[layer][site.ordinal()];
        float edge = (float) Math.exp(shift);
        int bits = Float.floatToRawIntBits(edge) - BASE;
        int b = Math.clamp(bits >> SHIFT, 0, BINS - 1);
        double within = Math.clamp((double) (bits - (b << SHIFT)) / (1 << SHIFT), 0.0, 1.0);
        double count = sum[b] + within * (sum[b + 1] - sum[b]);
        return count / ((double) rows[layer] * c.channels(site));
    }

    /** Takes what the model did use, so that {@link #active} of no shift at all is that. */
    void calibrate(double active) {
        bias = 0;
        bias = active - active(new double[c.layers()][Site.COUNT], 0);
    }

    /**
     * Returns the fraction of the layers' weights that is used where the logarithms of thresholds rise.
     *
     * @param shift by how much, {@code [layer][site]}
     * @param more what is added to each
     */
    double active(double[][] shift, double more) {
        double used = 0;
        double all = 0;
        for (int l = 0; l < c.layers(); l++) {
            double[] kept = new double[Site.COUNT];
            for (Site s : Site.values()) {
                kept[s.ordinal()] = kept(l, s, shift[l][s.ordinal()] + more);
            }
            double d = c.embedding();
            double f = d * c.feedForward();
            used += kept[Site.Q_IN.ordinal()] * d * c.queryWidth() + kept[Site.K_IN.ordinal()] * d * c.keyWidth()
                    + kept[Site.V_IN.ordinal()] * d * c.valueWidth()
                    + kept[Site.O_IN.ordinal()] * d * c.attentionWidth() + kept[Site.GATE_IN.ordinal()] * f
                    + kept[Site.UP_IN.ordinal()] * kept[Site.FFN_ACT.ordinal()] * f
                    + Math.min(kept[Site.DOWN_IN.ordinal()], kept[Site.FFN_ACT.ordinal()]) * f;
            all += d * (c.queryWidth() + c.keyWidth() + c.valueWidth() + c.attentionWidth()) + 3 * f;
        }
        return used / all + bias;
    }

    /** Returns what to add to the logarithm of every threshold, besides a shift of each, to use a budget. */
    double solve(double[][] shift, double budget) {
        double low = -12;
        double high = 12;
        for (int i = 0; i < 50; i++) {
            double middle = (low + high) / 2;
            if (active(shift, middle) > budget) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return (low + high) / 2;
    }
}
