package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.util.ArrayList;
import java.util.List;

/**
 * Raw sums and histograms of a model's activations: what a sidecar is made of, and what can be merged.
 *
 * <p><b>Merging.</b> Sums and the histograms of plain magnitudes add up exactly: the merge of two runs equals one run over
 * both texts; so do those weighted with the columns' norms, where both runs were of the same file. The two histograms of
 * importance do not, for each run weighted them with its own {@code u}: where the merged
 * {@code u_i} differs from a run's by at most a factor {@code 1 + d}, so does every importance of that run, and with them
 * the thresholds read from the merged histogram. {@link #weightDrift} is the largest {@code d} of any channel, a bound; the
 * error itself averages over channels whose factors go both ways and is far smaller (SmolLM2, 32 windows of 512 tokens on
 * each side: bound 0.46, error of the thresholds 0.001 on average, 0.007 at most). To be rid of it, calibrate on all
 * texts at once.
 */
public final class CalibrationStatistics {

    private final BaseModel base;
    private final int chunkSize;
    private final List<String> datasets;
    private final LayerStatistics[] layers;
    private long chunks;
    private double weightDrift;

    CalibrationStatistics(BaseModel base, int chunkSize, List<String> datasets) {
        this(base, chunkSize, datasets, emptyLayers(base), 0, 0);
    }

    CalibrationStatistics(
            BaseModel base,
            int chunkSize,
            List<String> datasets,
            LayerStatistics[] layers,
            long chunks,
            double weightDrift) {
        this.base = base;
        this.chunkSize = chunkSize;
        this.datasets = new ArrayList<>(datasets);
        this.layers = layers;
        this.chunks = chunks;
        this.weightDrift = weightDrift;
    }

    private static LayerStatistics[] emptyLayers(BaseModel base) {
        LayerStatistics[] layers = new LayerStatistics[base.layers()];
        for (int l = 0; l < layers.length; l++) {
            layers[l] = new LayerStatistics(base.feedForward());
        }
        return layers;
    }

    /**
     * Returns the sum of several runs, in the order given.
     *
     * @param runs at least one, all of one model and one window size
     * @param sources what to call them in messages
     * @throws ModelFormatException where they do not belong together
     */
    public static CalibrationStatistics merge(List<CalibrationStatistics> runs, List<String> sources) {
        CalibrationStatistics first = runs.getFirst();
        CalibrationStatistics merged = new CalibrationStatistics(first.base, first.chunkSize, List.of());
        for (int i = 0; i < runs.size(); i++) {
            CalibrationStatistics run = runs.get(i);
            first.base.requireSame(sources.get(i), run.base);
            if (run.chunkSize != first.chunkSize) {
                throw new ModelFormatException(GambitException.line(
                        sources.get(i) + ": chess.calibration.chunk_size",
                        first.chunkSize + " as in " + sources.getFirst(),
                        run.chunkSize,
                        "merge runs of one window size (-c)"));
            }
            for (String dataset : run.datasets) {
                if (!merged.datasets.contains(dataset)) {
                    merged.datasets.add(dataset);
                }
            }
            for (int l = 0; l < merged.layers.length; l++) {
                merged.layers[l].add(run.layers[l]);
            }
            merged.chunks += run.chunks;
        }
        if (runs.stream().allMatch(CalibrationStatistics::hasColumnNorms)) {
            merged.shareColumnNorms(first);
        }
        for (CalibrationStatistics run : runs) {
            double step = drift(run, merged);
            merged.weightDrift = Math.max(merged.weightDrift, (1 + run.weightDrift) * (1 + step) - 1);
        }
        return merged;
    }

    /** Returns the largest factor, less one, between two runs' weights of a channel. */
    private static double drift(CalibrationStatistics a, CalibrationStatistics b) {
        double max = 1;
        for (int l = 0; l < a.layers.length; l++) {
            if (a.layers[l].table(ActivationTable.IMPORTANCE_ABS).total() > 0) {
                max = Math.max(max, ratio(a.layers[l].absMean(), b.layers[l].absMean()));
                max = Math.max(max, ratio(a.layers[l].rms(), b.layers[l].rms()));
            }
            // two quantisations of one model
            for (Projection p : Projection.values()) {
                if (a.layers[l].hasColumnNorms() && b.layers[l].hasColumnNorms()) {
                    max = Math.max(max, ratio(a.layers[l].columnNorms(p), b.layers[l].columnNorms(p)));
                }
            }
        }
        return max - 1;
    }

    private static double ratio(float[] a, float[] b) {
        double max = 1;
        for (int i = 0; i < a.length; i++) {
            if (a[i] != b[i]) {
                max = Math.max(max, Math.max((double) a[i] / b[i], (double) b[i] / a[i]));
            }
        }
        return max;
    }

    /** Takes the norms of {@link ColumnNorms#of}. */
    void setColumnNorms(float[][][] norms) {
        for (int l = 0; l < layers.length; l++) {
            layers[l].setColumnNorms(norms[l]);
        }
    }

    private void shareColumnNorms(CalibrationStatistics other) {
        for (int l = 0; l < layers.length; l++) {
            float[][] norms = new float[Projection.values().length][];
            for (Projection p : Projection.values()) {
                norms[p.ordinal()] = other.layers[l].columnNorms(p);
            }
            layers[l].setColumnNorms(norms);
        }
    }

    /** Returns whether the columns' norms are known, and with them what WINA goes by. */
    public boolean hasColumnNorms() {
        for (LayerStatistics layer : layers) {
            if (!layer.hasColumnNorms()) {
                return false;
            }
        }
        return true;
    }

    void addChunks(long count) {
        chunks += count;
    }

    /** Returns the model. */
    public BaseModel base() {
        return base;
    }

    /** Returns the tokens of a window. */
    public int chunkSize() {
        return chunkSize;
    }

    /** Returns the number of windows. */
    public long chunks() {
        return chunks;
    }

    /** Returns the number of tokens. */
    public long tokens() {
        return chunks * chunkSize;
    }

    /** Returns the names of the texts, without folders. */
    public List<String> datasets() {
        return List.copyOf(datasets);
    }

    /** Returns one layer's statistics. */
    public LayerStatistics layer(int layer) {
        return layers[layer];
    }

    /** Returns the bound of the relative error that merging brought into the tables of importance; 0 without merging. */
    public double weightDrift() {
        return weightDrift;
    }

    /** Returns a layer's table at all {@link SidecarWriter#levels}. */
    public float[] quantiles(int layer, ActivationTable table) {
        double[] levels = SidecarWriter.levels();
        float[] out = new float[levels.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = layers[layer].table(table).quantile(levels[i]);
        }
        return out;
    }
}
