package dev.gambit.calibration;

import dev.gambit.engine.sparsity.Site;

/**
 * What LaRoSA (Liu and others, ICML 2025, arXiv 2507.01299) is without its rotation, which would cost a dense matrix twice
 * a layer: at level {@code p} the inputs of q, k, v, gate and up are skipped at {@code 0.8 p}, those of o and down, which the
 * paper does not rotate either, at {@code 1.2 p}. The authors keep each token's top k, so that all tokens take the same
 * time; here the k-th magnitude over the calibration text is the threshold, which keeps k on average.
 */
public final class LaRosa {

    /** What {@code --policy} takes. */
    public static final String POLICY = "larosa";

    private static final double ROTATED = 0.8;
    private static final double OTHERS = 1.2;
    private static final double TOP = 0.98;

    private LaRosa() {}

    /** Returns the policy. */
    public static SearchedPolicy of(CalibrationStatistics statistics) {
        double[] levels = SidecarWriter.levels();
        float[][][] tables = new float[statistics.base().layers()][Site.COUNT][];
        for (int l = 0; l < tables.length; l++) {
            for (Projection p : Projection.values()) {
                double share = p == Projection.O || p == Projection.DOWN ? OTHERS : ROTATED;
                float[] table = new float[levels.length];
                for (int i = 0; i < table.length; i++) {
                    table[i] = statistics.layer(l).table(p.input()).quantile(Math.min(TOP, share * levels[i]));
                }
                tables[l][p.site().ordinal()] = table;
            }
        }
        return new SearchedPolicy(POLICY, tables, null);
    }
}
