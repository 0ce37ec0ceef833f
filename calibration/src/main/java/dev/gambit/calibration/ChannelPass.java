package dev.gambit.calibration;

import dev.gambit.calibration.TableFills.Fill;
import dev.gambit.engine.ActivationListener;
import java.util.ArrayList;
import java.util.List;

/**
 * Sums {@code |up|} and {@code up²} and fills the histograms that need no weights. The same bits for any number of threads:
 * each thread sums its own channels over the rows in order, and histograms hold integers.
 */
final class ChannelPass implements ActivationListener {
    private final CalibrationStatistics statistics;
    private final Workers workers;
    private final TableFills fills;
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
        fills = new TableFills(workers);
    }

    @Override
    public void activation(int layer, Vector vector, float[] values, int rows, int width, int stride) {
        LayerStatistics s = statistics.layer(layer);
        List<Fill> list = new ArrayList<>();
        switch (vector) {
            case ATTN_IN -> {
                list.add(magnitudes(s.table(ActivationTable.ATTN_IN), values, width, stride));
                weighted(list, s, Projection.Q, values, width, stride);
                weighted(list, s, Projection.K, values, width, stride);
                weighted(list, s, Projection.V, values, width, stride);
            }
            case ATTN_OUT -> {
                list.add(magnitudes(s.table(ActivationTable.ATTN_OUT), values, width, stride));
                weighted(list, s, Projection.O, values, width, stride);
            }
            case FFN_IN -> {
                list.add(magnitudes(s.table(ActivationTable.FFN_IN), values, width, stride));
                weighted(list, s, Projection.GATE, values, width, stride);
                weighted(list, s, Projection.UP, values, width, stride);
            }
            case FFN_ACT -> {
                list.add(magnitudes(s.table(ActivationTable.GATE_ABS), values, width, stride));
                if (histograms != null) {
                    histograms.add(layer, values, rows, width, stride, workers);
                }
                keep(values, rows, width, stride);
            }
            case FFN_UP -> {
                workers.run(width, (from, to, worker) -> s.addUp(values, rows, stride, from, to));
                products(list, s, values, width, stride);
            }
        }
        fills.run(list, rows, width);
    }

    private static Fill magnitudes(MagnitudeHistogram table, float[] values, int width, int stride) {
        return new Fill(table, (counter, r) -> counter.add(values, r * stride, width));
    }

    /** Counts a projection's input weighted with its columns' norms, where these are known. */
    private static void weighted(
            List<Fill> list, LayerStatistics s, Projection p, float[] values, int width, int stride) {
        float[] norms = s.columnNorms(p);
        if (norms != null) {
            list.add(new Fill(s.table(p.weightedInput()),
                    (counter, r) -> counter.addProducts(values, r * stride, norms, 0, width)));
        }
    }

    /** Counts the input of down, with and without its columns' norms. */
    private void products(List<Fill> list, LayerStatistics s, float[] up, int width, int stride) {
        list.add(new Fill(s.table(ActivationTable.DOWN_IN),
                (counter, r) -> counter.addProducts(act, r * width, up, r * stride, width)));
        float[] norms = s.columnNorms(Projection.DOWN);
        if (norms != null) {
            list.add(new Fill(s.table(ActivationTable.WEIGHTED_DOWN),
                    (counter, r) -> counter.addProducts(act, r * width, up, r * stride, norms, width)));
        }
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
