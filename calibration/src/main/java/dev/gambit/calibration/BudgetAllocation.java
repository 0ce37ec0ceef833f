package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;

/**
 * Thresholds for every budget: {@code t_i = T(budget) / u_i} with {@code u} from {@link Sensitivities} and {@code ln T} for
 * each layer and site at some budgets, interpolated between them.
 *
 * @param weights {@code u}, {@code [layer][site][channel]}
 * @param budgets falling from below 1; the fraction of the layers' weights that a token may use
 * @param logT {@code [budget][layer][site]}
 */
public record BudgetAllocation(float[][][] weights, double[] budgets, double[][][] logT) {

    /** Returns thresholds for {@code ln T} of each layer and site. */
    static Thresholds thresholds(ModelConfig c, float[][][] weights, double[][] logT) {
        Thresholds out = new Thresholds(c.layers());
        for (int l = 0; l < c.layers(); l++) {
            for (Site s : Site.values()) {
                float[] t = new float[weights[l][s.ordinal()].length];
                float top = (float) Math.exp(logT[l][s.ordinal()]);
                for (int i = 0; i < t.length; i++) {
                    t[i] = top / weights[l][s.ordinal()][i];
                }
                out.set(l, s, t);
            }
        }
        return out;
    }

    /** Returns {@code ln T} at a budget: linear in the budget between the nearest two, prolonged beyond the last. */
    double[][] at(double budget) {
        int i = 1;
        while (i < budgets.length - 1 && budgets[i] > budget) {
            i++;
        }
        int j = Math.min(i, budgets.length - 1);
        int k = Math.max(0, j - 1);
        double f = j == k ? 0 : (budgets[k] - budget) / (budgets[k] - budgets[j]);
        double[][] out = new double[logT[0].length][Site.COUNT];
        for (int l = 0; l < out.length; l++) {
            for (int s = 0; s < Site.COUNT; s++) {
                out[l][s] = logT[k][l][s] + f * (logT[j][l][s] - logT[k][l][s]);
            }
        }
        return out;
    }

    /** Returns a site's table over the sparsity levels of a sidecar, a level being one less the budget. */
    float[] table(int layer, Site site) {
        double[] levels = SidecarWriter.levels();
        float[] out = new float[levels.length];
        for (int i = 1; i < out.length; i++) {
            out[i] = (float) Math.exp(at(1 - levels[i])[layer][site.ordinal()]);
        }
        return out;
    }
}
