package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.SiteThresholds;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Thresholds in device memory, and counters of what they kept in a decode step. Kernels and graphs read them from one place;
 * what lies there changes with the session whose turn it is, by a copy on the device that the stream puts in order. Sites
 * that a session's policy leaves out have thresholds of zero: only exact zeros are skipped there, which changes nothing.
 */
final class DeviceThresholds {

    /** Copies of lately used thresholds that stay on the device. */
    private static final int KEPT = 16;

    private final CudaDriver driver;
    private final CudaStream stream;
    private final DeviceArena arena;
    /** Which sites there is room for. */
    private final Thresholds layout;
    private final int length;
    private final DeviceMemory memory;
    private final Map<Thresholds, DeviceMemory> copies = new LinkedHashMap<>(KEPT, 0.75f, true);
    private final SiteThresholds[][] sites;
    /** For products that skip exact zeros. */
    private final SiteThresholds zero;
    private final DeviceMemory counters;
    private Thresholds current;

    DeviceThresholds(Thresholds t, CudaDriver driver, CudaStream stream, DeviceArena arena) {
        this.driver = driver;
        this.stream = stream;
        this.arena = arena;
        layout = t;
        float[] flat = flat(t);
        length = flat.length;
        memory = arena.copyOf(flat);
        current = t;
        counters = arena.zeroed(4L * t.layers() * Site.COUNT);
        zero = new SiteThresholds(arena.copyOf(new float[4]), true, null);
        sites = new SiteThresholds[t.layers()][Site.COUNT];
        int at = 0;
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

    /** Returns thresholds one behind the other, in the order of the layout. */
    private float[] flat(Thresholds t) {
        int n = 0;
        for (int l = 0; l < layout.layers(); l++) {
            for (Site site : Site.values()) {
                n += layout.get(l, site) == null ? 0 : layout.get(l, site).length;
            }
        }
        float[] flat = new float[n];
        int at = 0;
        for (int l = 0; l < layout.layers(); l++) {
            for (Site site : Site.values()) {
                if (layout.get(l, site) != null) {
                    float[] values = t.get(l, site);
                    if (values != null) {
                        System.arraycopy(values, 0, flat, at, values.length);
                    }
                    at += layout.get(l, site).length;
                }
            }
        }
        return flat;
    }

    /** Has what is enqueued from now on use these thresholds, whose sites are among those of the layout. */
    void use(Thresholds t) {
        if (t == current) {
            return;
        }
        DeviceMemory copy = copies.get(t);
        if (copy == null) {
            if (copies.size() == KEPT) {
                driver.synchronize(stream); // it may still be read
                copy = copies.remove(copies.keySet().iterator().next());
            } else {
                copy = arena.floats(length);
            }
            driver.copyToDevice(copy, 0, MemorySegment.ofArray(flat(t)));
            copies.put(t, copy);
        }
        driver.copy(memory, 0, copy, 0, 4L * length, stream);
        current = t;
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
