package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.SiteThresholds;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.ArrayList;
import java.util.List;

/** Thresholds in device memory, and counters of what they kept in a decode step. */
final class DeviceThresholds {

    private final SiteThresholds[][] sites;
    /** For products that skip exact zeros. */
    private final SiteThresholds zero;
    private final DeviceMemory counters;

    DeviceThresholds(Thresholds t, DeviceArena arena) {
        List<float[]> all = new ArrayList<>();
        int n = 0;
        for (int l = 0; l < t.layers(); l++) {
            for (Site site : Site.values()) {
                float[] values = t.get(l, site);
                if (values != null) {
                    all.add(values);
                    n += values.length;
                }
            }
        }
        float[] flat = new float[n];
        int at = 0;
        for (float[] values : all) {
            System.arraycopy(values, 0, flat, at, values.length);
            at += values.length;
        }
        DeviceMemory memory = arena.copyOf(flat);
        counters = arena.zeroed(4L * t.layers() * Site.COUNT);
        zero = new SiteThresholds(arena.copyOf(new float[4]), true, null);
        sites = new SiteThresholds[t.layers()][Site.COUNT];
        at = 0;
        for (int l = 0; l < t.layers(); l++) {
            for (Site site : Site.values()) {
                float[] values = t.get(l, site);
                if (values != null) {
                    sites[l][site.ordinal()] = new SiteThresholds(
                            memory.slice(4L * at, 4L * values.length),
                            false,
                            counters.slice(4L * (l * Site.COUNT + site.ordinal()), 4));
                    at += values.length;
                }
            }
        }
    }

    /** Returns a site's thresholds, which count what they keep; null where the site is dense. */
    SiteThresholds get(int layer, Site site) {
        return sites[layer][site.ordinal()];
    }

    /** Returns a threshold of zero for every channel. */
    SiteThresholds zero() {
        return zero;
    }

    /** Returns the counters, {@code int[layers][Site.COUNT]}; a decode step begins by setting them to zero. */
    DeviceMemory counters() {
        return counters;
    }
}
