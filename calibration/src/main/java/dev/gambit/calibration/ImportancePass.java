package dev.gambit.calibration;

import dev.gambit.calibration.TableFills.Fill;
import dev.gambit.engine.ActivationListener;
import java.util.List;

/** Fills the histograms of {@code |SiLU(gate_i)| · u_i}. */
final class ImportancePass implements ActivationListener {
    private final CalibrationStatistics statistics;
    private final TableFills fills;
    private final float[][] uAbs;
    private final float[][] uRms;

    ImportancePass(CalibrationStatistics statistics, Workers workers) {
        this.statistics = statistics;
        fills = new TableFills(workers);
        int layers = statistics.base().layers();
        uAbs = new float[layers][];
        uRms = new float[layers][];
        for (int l = 0; l < layers; l++) {
            uAbs[l] = statistics.layer(l).absMean();
            uRms[l] = statistics.layer(l).rms();
        }
    }

    @Override
    public void activation(int layer, Vector vector, float[] values, int rows, int width, int stride) {
        if (vector != Vector.FFN_ACT) {
            return;
        }
        LayerStatistics s = statistics.layer(layer);
        fills.run(
                List.of(
                        new Fill(s.table(ActivationTable.IMPORTANCE_ABS),
                                (counter, r) -> counter.addProducts(values, r * stride, uAbs[layer], 0, width)),
                        new Fill(s.table(ActivationTable.IMPORTANCE_RMS),
                                (counter, r) -> counter.addProducts(values, r * stride, uRms[layer], 0, width))),
                rows, width);
    }
}
