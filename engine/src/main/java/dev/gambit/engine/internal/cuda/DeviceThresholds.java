package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.ArrayList;
import java.util.List;

/** Thresholds in device memory. */
final class DeviceThresholds {

    private final long[][] address;
    /** A single zero, for products that skip exact zeros. */
    private final DeviceMemory zero;

    DeviceThresholds(Thresholds t, DeviceArena arena) {
        address = new long[t.layers()][Site.COUNT];
        zero = arena.copyOf(new float[4]);
        int n = 0;
        List<float[]> all = new ArrayList<>();
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
        at = 0;
        for (int l = 0; l < t.layers(); l++) {
            for (Site site : Site.values()) {
                float[] values = t.get(l, site);
                if (values != null) {
                    address[l][site.ordinal()] = memory.address() + 4L * at;
                    at += values.length;
                }
            }
        }
    }

    /** Returns where a site's thresholds lie, one a channel; 0 where the site is dense. */
    long get(int layer, Site site) {
        return address[layer][site.ordinal()];
    }

    /** Returns where a threshold of zero lies. */
    long zero() {
        return zero.address();
    }
}
