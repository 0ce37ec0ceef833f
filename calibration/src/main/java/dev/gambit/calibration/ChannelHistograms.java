package dev.gambit.calibration;

/**
 * A coarse histogram of {@code |SiLU(gate_i)|} for each channel of each layer, from which the distributions of
 * {@code |SiLU(gate_i)| · u_i} follow for any {@code u}: the model need not be run again once {@code u} is known. Within a bin,
 * a 64th of an octave, magnitudes are taken to lie evenly. Bins of different channels end at different importances, so
 * over a layer's channels that errs by less than 10⁻³ where there are tens of millions of entries; where there are few, see
 * {@link ImportancePass}.
 */
final class ChannelHistograms {

    /** Entries of a layer from which on its distribution is smooth enough. */
    static final long ENOUGH = 24_000_000;

    private static final int BITS = 6;
    private static final int SHIFT = 23 - BITS;
    /** From 2⁻²², below which everything counts as 0, to 2¹⁰. */
    private static final int LOWEST = -22;
    private static final int BINS = 32 << BITS;
    private static final int BASE = (127 + LOWEST) << 23;
    /** Channels at a time: half a cache line of a row, and bins that stay in the first- or second-level cache. */
    private static final int BLOCK = 8;

    private final int channels;
    /** {@code [layer][channel · bin]}. */
    private final int[][] counts;

    ChannelHistograms(int layers, int channels) {
        this.channels = channels;
        counts = new int[layers][channels * BINS];
    }

    /** Returns the bytes that histograms of a model take. */
    static long bytes(int layers, int channels) {
        return 4L * BINS * channels * layers;
    }

    /** Counts rows of a layer. */
    void add(int layer, float[] values, int rows, int width, int stride, Workers workers) {
        int[] bins = counts[layer];
        workers.run((width + BLOCK - 1) / BLOCK, (from, to, worker) -> {
            for (int b = from; b < to; b++) {
                int end = Math.min(width, (b + 1) * BLOCK);
                for (int r = 0; r < rows; r++) {
                    for (int i = b * BLOCK; i < end; i++) {
                        bins[i * BINS + MagnitudeHistogram.bin(values[r * stride + i], BASE, SHIFT, BINS)]++;
                    }
                }
            }
        });
    }

    /** Fills the tables of importance of all layers. */
    void importances(CalibrationStatistics statistics, Workers workers) {
        BinCounter[] counters = BinCounter.perWorker(workers);
        for (int l = 0; l < counts.length; l++) {
            LayerStatistics s = statistics.layer(l);
            spread(l, s.absMean(), s.table(ActivationTable.IMPORTANCE_ABS), counters, workers);
            spread(l, s.rms(), s.table(ActivationTable.IMPORTANCE_RMS), counters, workers);
        }
    }

    private void spread(int layer, float[] u, MagnitudeHistogram table, BinCounter[] counters, Workers workers) {
        workers.run(channels, (from, to, worker) -> {
            for (int i = from; i < to; i++) {
                int at = i * BINS;
                counters[worker].add(0f, counts[layer][at]);
                for (int b = 1; b < BINS; b++) {
                    int n = counts[layer][at + b];
                    if (n > 0) {
                        float low = Float.intBitsToFloat(BASE + (b << SHIFT));
                        float high = Float.intBitsToFloat(BASE + (b + 1 << SHIFT));
                        counters[worker].addEvenly(low * u[i], high * u[i], n);
                    }
                }
            }
            counters[worker].drainTo(table);
        });
    }
}
