package dev.gambit.calibration;

import dev.gambit.engine.ActivationListener;

/** Fills the histograms of {@code |SiLU(gate_i)| · u_i}. */
final class ImportancePass implements ActivationListener {
    private final CalibrationStatistics statistics;
    private final Workers workers;
    private final BinCounter[] abs;
    private final BinCounter[] rms;
    private final float[][] uAbs;
    private final float[][] uRms;

    ImportancePass(CalibrationStatistics statistics, Workers workers) {
        this.statistics = statistics;
        this.workers = workers;
        abs = BinCounter.perWorker(workers);
        rms = BinCounter.perWorker(workers);
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
        workers.run(rows, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                abs[worker].addProducts(values, r * stride, uAbs[layer], 0, width);
                rms[worker].addProducts(values, r * stride, uRms[layer], 0, width);
            }
            abs[worker].drainTo(s.table(ActivationTable.IMPORTANCE_ABS));
            rms[worker].drainTo(s.table(ActivationTable.IMPORTANCE_RMS));
        });
    }
}
