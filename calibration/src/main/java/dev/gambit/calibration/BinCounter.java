package dev.gambit.calibration;

/**
 * One thread's counts on their way into a {@link MagnitudeHistogram}: a flat array that is quick to add to, drained after
 * each batch. Half a MiB, of which a batch touches what fits a core's second-level cache.
 */
final class BinCounter {

    private final int[] bins = new int[MagnitudeHistogram.BINS];

    /** Returns a counter for each worker. */
    static BinCounter[] perWorker(Workers workers) {
        BinCounter[] counters = new BinCounter[workers.size()];
        for (int i = 0; i < counters.length; i++) {
            counters[i] = new BinCounter();
        }
        return counters;
    }

    /** Counts {@code |x[from … from+n-1]|}. */
    void add(float[] x, int from, int n) {
        for (int i = from; i < from + n; i++) {
            bins[MagnitudeHistogram.bin(x[i])]++;
        }
    }

    /** Counts {@code |x[xo+i] · y[yo+i]|}. */
    void addProducts(float[] x, int xo, float[] y, int yo, int n) {
        for (int i = 0; i < n; i++) {
            bins[MagnitudeHistogram.bin(x[xo + i] * y[yo + i])]++;
        }
    }

    /** Counts {@code |x[xo+i] · y[yo+i] · w[i]|}. */
    void addProducts(float[] x, int xo, float[] y, int yo, float[] w, int n) {
        for (int i = 0; i < n; i++) {
            bins[MagnitudeHistogram.bin(x[xo + i] * y[yo + i] * w[i])]++;
        }
    }

    /** Counts a magnitude {@code n} times. */
    void add(float x, int n) {
        bins[MagnitudeHistogram.bin(x)] += n;
    }

    /** Counts {@code n} magnitudes that lie evenly between two. */
    void addEvenly(float low, float high, int n) {
        float step = (high - low) / n;
        for (int i = 0; i < n; i++) {
            bins[MagnitudeHistogram.bin(low + (i + 0.5f) * step)]++;
        }
    }

    /** Hands the counts over and starts again from zero. */
    void drainTo(MagnitudeHistogram histogram) {
        histogram.drain(bins);
    }
}
