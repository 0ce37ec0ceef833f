package dev.gambit.engine.internal.model;

import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.sparsity.Site;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Counts kept channels, weights used and bytes read. A backend adds to it once a step and batch; not for several threads
 * at once.
 */
public final class SparsityCounter {

    private final ModelConfig config;
    private final long[][] kept;
    private final long[][] seen;
    private long weightsUsed;
    private long weightsSeen;
    private long bytesRead;
    private long bytesDense;
    private long sparseKernelCalls;

    /**
     * @param config the model whose layers are counted
     */
    public SparsityCounter(ModelConfig config) {
        this.config = config;
        kept = new long[config.layers()][Site.COUNT];
        seen = new long[config.layers()][Site.COUNT];
    }

    /** Adds channels of a site with thresholds: how many were kept, of how many. */
    public void site(int layer, Site site, long keptChannels, long channels) {
        kept[layer][site.ordinal()] += keptChannels;
        seen[layer][site.ordinal()] += channels;
    }

    /** Adds linear weights (lm head excluded): how many were used, of how many. */
    public void weights(long used, long all) {
        weightsUsed += used;
        weightsSeen += all;
    }

    /** Adds bytes of weights that a decoded token read. */
    public void bytes(long read) {
        bytesRead += read;
    }

    /** Adds the bytes that a decoded token would read if nothing were skipped. */
    public void denseBytes(long all) {
        bytesDense += all;
    }

    /** Adds what another counted of channels and weights for a prompt's position; bytes are those of decoded tokens. */
    public void add(SparsityCounter prompt) {
        for (int l = 0; l < config.layers(); l++) {
            for (int s = 0; s < Site.COUNT; s++) {
                kept[l][s] += prompt.kept[l][s];
                seen[l][s] += prompt.seen[l][s];
            }
        }
        weightsUsed += prompt.weightsUsed;
        weightsSeen += prompt.weightsSeen;
        sparseKernelCalls += prompt.sparseKernelCalls;
    }

    /** Notes that a kernel ran that skips channels. */
    public void sparseKernel() {
        sparseKernelCalls++;
    }

    /** Returns how many calls went through kernels that skip channels. */
    public long sparseKernelCalls() {
        return sparseKernelCalls;
    }

    /** Returns the skipped fraction of a site's channels in one layer; 0 where it has no thresholds. */
    public double skipped(int layer, Site site) {
        long all = seen[layer][site.ordinal()];
        return all == 0 ? 0 : 1 - (double) kept[layer][site.ordinal()] / all;
    }

    /** Returns what was counted so far. */
    public SparsityReport report() {
        Map<Site, Double> skipped = new EnumMap<>(Site.class);
        for (Site site : Site.values()) {
            double sum = 0;
            int layers = 0;
            for (int l = 0; l < config.layers(); l++) {
                if (seen[l][site.ordinal()] > 0) {
                    sum += skipped(l, site);
                    layers++;
                }
            }
            if (layers > 0) {
                skipped.put(site, sum / config.layers());
            }
        }
        return new SparsityReport(
                skipped,
                weightsSeen == 0 ? 1 : (double) weightsUsed / weightsSeen,
                bytesDense == 0 ? 1 : (double) bytesRead / bytesDense,
                layers());
    }

    private List<Map<Site, Double>> layers() {
        List<Map<Site, Double>> layers = new ArrayList<>();
        for (int l = 0; l < config.layers(); l++) {
            Map<Site, Double> skipped = new EnumMap<>(Site.class);
            for (Site site : Site.values()) {
                if (seen[l][site.ordinal()] > 0) {
                    skipped.put(site, skipped(l, site));
                }
            }
            layers.add(skipped);
        }
        return layers;
    }

    /** Forgets what was counted. */
    public void reset() {
        for (int l = 0; l < config.layers(); l++) {
            java.util.Arrays.fill(kept[l], 0);
            java.util.Arrays.fill(seen[l], 0);
        }
        weightsUsed = 0;
        weightsSeen = 0;
        bytesRead = 0;
        bytesDense = 0;
        sparseKernelCalls = 0;
    }
}
