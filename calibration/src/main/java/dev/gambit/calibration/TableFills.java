package dev.gambit.calibration;

import java.util.List;

/**
 * Fills several histograms from the rows of one batch. A thread takes a histogram, or a part of its rows where there are many:
 * handing counts over costs as much as counting some hundred thousand, so parts are no smaller.
 */
final class TableFills {

    /** Magnitudes of a part at least. */
    private static final int GRAIN = 1 << 18;

    /** Counts one row. */
    @FunctionalInterface
    interface Row {
        void count(BinCounter counter, int row);
    }

    /** A histogram and what goes into it. */
    record Fill(MagnitudeHistogram table, Row row) {}

    private final Workers workers;
    private final BinCounter[] counters;

    TableFills(Workers workers) {
        this.workers = workers;
        counters = BinCounter.perWorker(workers);
    }

    /** Counts {@code rows} rows of {@code width} magnitudes into each histogram. */
    void run(List<Fill> fills, int rows, int width) {
        if (fills.isEmpty()) {
            return;
        }
        int wanted = (workers.size() + fills.size() - 1) / fills.size();
        int parts = Math.clamp((long) rows * width / GRAIN, 1, Math.min(wanted, rows));
        workers.run(fills.size() * parts, (from, to, worker) -> {
            for (int k = from; k < to; k++) {
                Fill f = fills.get(k / parts);
                int part = k % parts;
                int end = (int) ((long) rows * (part + 1) / parts);
                for (int r = (int) ((long) rows * part / parts); r < end; r++) {
                    f.row.count(counters[worker], r);
                }
                counters[worker].drainTo(f.table);
            }
        });
    }
}
