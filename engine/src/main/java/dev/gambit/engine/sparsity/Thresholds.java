package dev.gambit.engine.sparsity;

import dev.gambit.engine.GambitException;

/**
 * A number per channel of each site of each layer: channel {@code i} of a vector {@code v} is kept iff
 * {@code |v[i]| > t[i]}. Sites without thresholds are dense. Immutable once it is in use.
 */
public final class Thresholds {

    private final float[][][] values;
    private final double expectedSkipped;

    /**
     * Thresholds that are expected to skip about half of the channels.
     *
     * @param layers the model's layers
     */
    public Thresholds(int layers) {
        this(layers, 0.5);
    }

    /**
     * @param layers the model's layers
     * @param expectedSkipped about what fraction of channels they will skip; a backend lays weights out accordingly, results
     *     do not depend on it
     */
    public Thresholds(int layers, double expectedSkipped) {
        values = new float[layers][Site.COUNT][];
        this.expectedSkipped = expectedSkipped;
    }

    /** Returns about what fraction of channels they will skip. */
    public double expectedSkipped() {
        return expectedSkipped;
    }

    /** Returns the number of layers. */
    public int layers() {
        return values.length;
    }

    /**
     * Sets the thresholds of a site.
     *
     * @param thresholds one a channel, each ≥ 0; positive infinity skips a channel always
     * @throws GambitException where one is negative or not a number
     */
    public void set(int layer, Site site, float[] thresholds) {
        for (int i = 0; i < thresholds.length; i++) {
            if (!(thresholds[i] >= 0)) {
                throw new GambitException(GambitException.line(
                        "threshold of layer " + layer + ", " + site + ", channel " + i,
                        "a number of 0 or more",
                        thresholds[i],
                        "calibrate again"));
            }
        }
        values[layer][site.ordinal()] = thresholds;
    }

    /** Returns a site's thresholds, one a channel; null where the site is dense. */
    public float[] get(int layer, Site site) {
        return values[layer][site.ordinal()];
    }

    /** Returns whether any layer has thresholds at this site. */
    public boolean uses(Site site) {
        for (float[][] layer : values) {
            if (layer[site.ordinal()] != null) {
                return true;
            }
        }
        return false;
    }
}
