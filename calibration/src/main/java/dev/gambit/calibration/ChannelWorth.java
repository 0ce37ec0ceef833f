package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;

/**
 * What entries at a channel's threshold are worth, relative to those of its site: {@link MarginalCosts} summed over batches
 * and budgets, each in units of its site's mean, so that budgets add up. Where a channel's entries at the threshold are worth more
 * than its neighbours', its threshold is too high.
 */
final class ChannelWorth {

    /** Entries of average worth that are added to each channel's: worths are heavy-tailed. */
    private static final double PRIOR = 400;
    /** Power of the relative worth that thresholds fall by; worth rises with the square of a threshold, or faster. */
    private static final double POWER = 0.35;
    private static final double LARGEST = 4;

    /** {@code [layer][site][channel]}: worth in units of an average entry; floats, as a state holds them. */
    final float[][][] worth;
    /** {@code [layer][site][channel]}: entries. */
    final float[][][] entries;

    ChannelWorth(ModelConfig c) {
        worth = new float[c.layers()][Site.COUNT][];
        entries = new float[c.layers()][Site.COUNT][];
        for (int l = 0; l < c.layers(); l++) {
            for (Site s : Site.values()) {
                worth[l][s.ordinal()] = new float[c.channels(s)];
                entries[l][s.ordinal()] = new float[c.channels(s)];
            }
        }
    }

    /** Adds what one batch gave. */
    void add(MarginalCosts costs) {
        for (int l = 0; l < worth.length; l++) {
            for (int s = 0; s < Site.COUNT; s++) {
                double mean = costs.saved[l][s] / costs.entries[l][s];
                if (!(mean > 0)) {
                    continue;
                }
                for (int i = 0; i < worth[l][s].length; i++) {
                    worth[l][s][i] += (float) (costs.channelSaved[l][s][i] / mean);
                    entries[l][s][i] += costs.channelEntries[l][s][i];
                }
            }
        }
    }

    /** Returns weights of channels with what was found: {@code u_i} times a power of the channel's relative worth. */
    float[] corrected(int layer, Site site, float[] u) {
        float[] w = worth[layer][site.ordinal()];
        float[] n = entries[layer][site.ordinal()];
        float[] out = new float[u.length];
        for (int i = 0; i < u.length; i++) {
            double ratio = Math.clamp((w[i] + PRIOR) / (n[i] + PRIOR), 1 / LARGEST, LARGEST);
            out[i] = (float) (u[i] * Math.pow(ratio, POWER));
        }
        return out;
    }
}
