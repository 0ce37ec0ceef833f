package dev.gambit.calibration;

import dev.gambit.engine.ActivationListener;

/**
 * Sums {@code |up|} and {@code up²} and fills the histograms that need no weights. The same bits for any number of threads:
 * each thread sums its own channels over the rows in order, and histograms hold integers.
 */
final class ChannelPass implements ActivationListener {
    private final CalibrationStatistics statistics;
    private final Workers workers;
    private final BinCounter[] counters;
    /** The gate's activations, {@code [rows][n_ff]}: handed out before {@code up}, which they are multiplied with. */
    private float[] act = new float[0];
    private final ChannelHistograms histograms;

    ChannelPass(CalibrationStatistics statistics, Workers workers) {
        this(statistics, workers, null);
    }

    /**
     * @param histograms also to be filled; null where a second pass follows
     */
    ChannelPass(CalibrationStatistics statistics, Workers workers, ChannelHistograms histograms) {
        this.statistics = statistics;
        this.histograms = histograms;
        this.workers = workers;
        counters = BinCounter.perWorker(workers);
    }

    @Override
    public void activation(int layer, Vector vector, float[] values, int rows, int width, int stride) {
        LayerStatistics s = statistics.layer(layer);
        switch (vector) {
            case ATTN_IN -> {
                magnitudes(s.table(ActivationTable.ATTN_IN), values, rows, width, stride);
                weighted(s, Projection.Q, values, rows, width, stride);
                weighted(s, Projection.K, values, rows, width, stride);
                weighted(s, Projection.V, values, rows, width, stride);
            }
            case ATTN_OUT -> {
                magnitudes(s.table(ActivationTable.ATTN_OUT), values, rows, width, stride);
                weighted(s, Projection.O, values, rows, width, stride);
            }
            case FFN_IN -> {
                magnitudes(s.table(ActivationTable.FFN_IN), values, rows, width, stride);
                weighted(s, Projection.GATE, values, rows, width, stride);
                weighted(s, Projection.UP, values, rows, width, stride);
            }
            case FFN_ACT -> {
                magnitudes(s.table(ActivationTable.GATE_ABS), values, rows, width, stride);
                if (histograms != null) {
                    histograms.add(layer, values, rows, width, stride, workers);
                }
                keep(values, rows, width, stride);
            }
            case FFN_UP -> {
                workers.run(width, (from, to, worker) -> s.addUp(values, rows, stride, from, to));
                products(s, values, rows, width, stride);
            }
        }
    }

    private void magnitudes(MagnitudeHistogram table, float[] values, int rows, int width, int stride) {
        workers.run(rows, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                counters[worker].add(values, r * stride, width);
            }
            counters[worker].drainTo(table);
        });
    }

    /** Counts a projection's input weighted with its columns' norms, where these are known. */
    private void weighted(LayerStatistics s, Projection p, float[] values, int rows, int width, int stride) {
        float[] norms = s.columnNorms(p);
        if (norms == null) {
            return;
        }
        workers.run(rows, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                counters[worker].addProducts(values, r * stride, norms, 0, width);
            }
            counters[worker].drainTo(s.table(p.weightedInput()));
        });
    }

    /** Counts the input of down, with and without its columns' norms. */
    private void products(LayerStatistics s, float[] up, int rows, int width, int stride) {
        float[] norms = s.columnNorms(Projection.DOWN);
        workers.run(rows, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                counters[worker].addProducts(act, r * width, up, r * stride, width);
            }
            counters[worker].drainTo(s.table(ActivationTable.DOWN_IN));
            for (int r = from; norms != null && r < to; r++) {
                counters[worker].addProducts(act, r * width, up, r * stride, norms, width);
            }
            counters[worker].drainTo(s.table(ActivationTable.WEIGHTED_DOWN));
        });
    }

    private void keep(float[] values, int rows, int width, int stride) {
        if (act.length < rows * width) {
            act = new float[rows * width];
        }
        for (int r = 0; r < rows; r++) {
            System.arraycopy(values, r * stride, act, r * width, width);
        }
    }
}
