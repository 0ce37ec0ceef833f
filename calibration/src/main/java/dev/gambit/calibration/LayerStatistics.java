package dev.gambit.calibration;

import dev.gambit.engine.GambitException;

/** What is kept of one layer: sums per channel of the up projection in float64, and a histogram for each table. */
public final class LayerStatistics {

    private final double[] upAbsSum;
    private final double[] upSquareSum;
    private final MagnitudeHistogram[] tables = new MagnitudeHistogram[ActivationTable.values().length];
    /** {@code [projection][channel]}; null where they are not known. */
    private float[][] columnNorms;
    private long tokens;

    LayerStatistics(int feedForward) {
        this(new double[feedForward], new double[feedForward], 0);
    }

    LayerStatistics(double[] upAbsSum, double[] upSquareSum, long tokens) {
        this.upAbsSum = upAbsSum;
        this.upSquareSum = upSquareSum;
        this.tokens = tokens;
        for (int t = 0; t < tables.length; t++) {
            tables[t] = new MagnitudeHistogram();
        }
    }

    /** Adds channels {@code from … to-1} of some rows of the up projection; rows are added one after the other. */
    void addUp(float[] up, int rows, int stride, int from, int to) {
        for (int r = 0; r < rows; r++) {
            int at = r * stride;
            for (int i = from; i < to; i++) {
                double v = up[at + i];
                upAbsSum[i] += Math.abs(v);
                upSquareSum[i] += v * v;
            }
        }
    }

    void setColumnNorms(float[][] norms) {
        columnNorms = norms;
    }

    /** Returns whether {@link #columnNorms} are known: statistics of earlier versions lack them. */
    public boolean hasColumnNorms() {
        return columnNorms != null;
    }

    /** Returns {@code ‖W[:,i]‖₂} of a projection, one a channel of its input; null where they are not known. */
    public float[] columnNorms(Projection projection) {
        return columnNorms == null ? null : columnNorms[projection.ordinal()];
    }

    void addTokens(long count) {
        tokens += count;
    }

    void add(LayerStatistics other) {
        for (int i = 0; i < upAbsSum.length; i++) {
            upAbsSum[i] += other.upAbsSum[i];
            upSquareSum[i] += other.upSquareSum[i];
        }
        tokens += other.tokens;
        for (int t = 0; t < tables.length; t++) {
            tables[t].add(other.tables[t]);
        }
    }

    /** Throws where something in the layer was not finite. */
    void requireFinite(int layer) {
        for (int i = 0; i < upAbsSum.length; i++) {
            if (!(upSquareSum[i] < Double.POSITIVE_INFINITY)) {
                throw notFinite(layer, "ffn_up, channel " + i, upSquareSum[i]);
            }
        }
        for (ActivationTable t : ActivationTable.values()) {
            if (table(t).overflowed()) {
                throw notFinite(layer, t.quantileName(), "a magnitude of 2^32 or more, or NaN");
            }
        }
    }

    private static GambitException notFinite(int layer, String what, Object found) {
        return new GambitException(GambitException.line(
                "activations of layer " + layer + ", " + what,
                "finite numbers",
                found,
                "the model's weights are damaged or overflow on this text"));
    }

    /** Returns the tokens seen. */
    public long tokens() {
        return tokens;
    }

    /** Returns a table's histogram. */
    public MagnitudeHistogram table(ActivationTable table) {
        return tables[table.ordinal()];
    }

    /** Returns {@code mean |up_i|}, {@code [n_ff]}. */
    public float[] absMean() {
        float[] u = new float[upAbsSum.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = (float) (upAbsSum[i] / tokens);
        }
        return u;
    }

    /** Returns {@code sqrt(mean up_i²)}, {@code [n_ff]}. */
    public float[] rms() {
        float[] u = new float[upSquareSum.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = (float) Math.sqrt(upSquareSum[i] / tokens);
        }
        return u;
    }

    double[] upAbsSum() {
        return upAbsSum;
    }

    double[] upSquareSum() {
        return upSquareSum;
    }
}
