package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/**
 * A site's thresholds in device memory: a channel is kept iff {@code |v_i| > t_i}. Kernels read them in every launch, so
 * writing them changes the level of captured graphs, too. Where there is no such object everything is kept.
 *
 * @param values one float a channel, or a single one
 * @param scalar whether one serves all channels
 * @param kept an {@code unsigned} to which kernels add the number of kept channels; null to count nothing
 */
public record SiteThresholds(DeviceMemory values, boolean scalar, DeviceMemory kept) {

    /** Checks that there are values. */
    public SiteThresholds {
        Check.that(values != null && values.size() >= 4, "thresholds: expected at least one float, found none");
        Check.that(kept == null || kept.size() >= 4, "count of kept channels: expected 4 bytes");
    }

    /** {@return how far one channel's threshold is from the next one's, in floats} */
    int stride() {
        return scalar ? 0 : 1;
    }

    static long address(SiteThresholds t, int channels) {
        if (t == null) {
            return 0;
        }
        Check.floats("thresholds", t.values, t.scalar ? 1 : channels);
        return t.values.address();
    }

    static int stride(SiteThresholds t) {
        return t == null ? 0 : t.stride();
    }

    static long kept(SiteThresholds t) {
        return t == null || t.kept == null ? 0 : t.kept.address();
    }
}
