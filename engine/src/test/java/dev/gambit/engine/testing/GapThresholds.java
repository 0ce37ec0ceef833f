package dev.gambit.engine.testing;

import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Chooses thresholds while the reference computes, one for each channel, in the middle of the widest gap between the
 * magnitudes that the channel takes: about half of the entries fall on either side, and none so near that rounding decides.
 */
public final class GapThresholds implements ReferenceForward.Masks {

    private final Thresholds chosen;
    private final Set<Site> sites;
    private final SplittableRandom random = new SplittableRandom(7);

    /**
     * @param layers the model's layers
     * @param sites where to mask
     */
    public GapThresholds(int layers, Set<Site> sites) {
        chosen = new Thresholds(layers);
        this.sites = EnumSet.copyOf(sites);
    }

    /** Returns what was chosen in the passes so far. */
    public Thresholds chosen() {
        return chosen;
    }

    @Override
    public float[] thresholds(int layer, Site site, double[][] vectors) {
        if (!sites.contains(site)) {
            return null;
        }
        float[] t = new float[vectors[0].length];
        for (int i = 0; i < t.length; i++) {
            double[] sizes = new double[vectors.length];
            for (int r = 0; r < sizes.length; r++) {
                sizes[r] = Math.abs(vectors[r][i]);
            }
            Arrays.sort(sizes);
            int at = random.nextInt(Math.max(1, sizes.length / 4));
            int to = sizes.length - 1 - random.nextInt(Math.max(1, sizes.length / 4));
            int widest = at;
            for (int k = at; k < to; k++) {
                widest = sizes[k + 1] - sizes[k] > sizes[widest + 1] - sizes[widest] ? k : widest;
            }
            t[i] = (float) ((sizes[widest] + sizes[Math.min(widest + 1, sizes.length - 1)]) / 2);
        }
        chosen.set(layer, site, t);
        return t;
    }
}
