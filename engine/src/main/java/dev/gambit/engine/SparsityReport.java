package dev.gambit.engine;

import dev.gambit.engine.sparsity.Site;
import java.util.List;
import java.util.Map;

/**
 * How sparsely a model ran.
 *
 * @param skipped the fraction of channels skipped at each site that has thresholds, mean over the layers
 * @param active the fraction of the layers' linear weights used per token, lm head excluded: the papers' "activated
 *     parameters". A prompt that {@link ModelOptions#densePrefill} has read densely is not counted
 * @param bytes the fraction of all weight bytes that kernels loaded per decoded token, lm head and scales included; 1
 *     where nothing was decoded
 * @param layers the fraction of channels skipped at each site that has thresholds, layer by layer
 */
public record SparsityReport(
        Map<Site, Double> skipped, double active, double bytes, List<Map<Site, Double>> layers) {

    /** Copies the maps. */
    public SparsityReport {
        skipped = Map.copyOf(skipped);
        layers = layers.stream().map(Map::copyOf).toList();
    }
}
