package dev.gambit.calibration;

import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.Site;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A policy whose tables a search found, as it lies in a sidecar. Sites without a table are dense.
 *
 * @param name what {@code --policy} takes
 * @param tables {@code T} at {@link SidecarWriter#levels}, {@code [layer][site][level]}; null for a dense site
 * @param weights {@code u}, {@code [layer][site][channel]}; null where it is 1
 */
public record SearchedPolicy(String name, float[][][] tables, float[][][] weights) {

    /** Returns Gambit's own policy: a level is one less the budget. */
    public static SearchedPolicy of(BudgetAllocation a) {
        float[][][] tables = new float[a.weights().length][Site.COUNT][];
        for (int l = 0; l < tables.length; l++) {
            for (Site s : Site.values()) {
                tables[l][s.ordinal()] = a.table(l, s);
            }
        }
        return new SearchedPolicy(BudgetSearch.POLICY, tables, a.weights());
    }

    /** Returns how a site's tensors begin. */
    static String prefix(String policy, Site site) {
        return policy + "." + site.name().toLowerCase(Locale.ROOT);
    }

    /** Returns the policy's lines. */
    String[] lines() {
        List<String> lines = new ArrayList<>();
        for (Site s : Site.values()) {
            if (tables[0][s.ordinal()] != null) {
                String tensor = prefix(name, s);
                lines.add(s + " " + tensor + "_quantile" + (weights == null ? "" : " " + tensor + ".weight"));
            }
        }
        return lines.toArray(String[]::new);
    }

    /** Adds a layer's tensors. */
    void write(GgufWriter out, int layer) {
        for (Site s : Site.values()) {
            String tensor = "blk." + layer + "." + prefix(name, s);
            if (tables[layer][s.ordinal()] != null) {
                SidecarWriter.vector(out, tensor + "_quantile", tables[layer][s.ordinal()]);
                if (weights != null) {
                    SidecarWriter.vector(out, tensor + ".weight", weights[layer][s.ordinal()]);
                }
            }
        }
    }
}
