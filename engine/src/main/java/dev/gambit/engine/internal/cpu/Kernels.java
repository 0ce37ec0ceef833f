package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The inner loops of the CPU backend. {@link ScalarKernels} is plain Java and the oracle; {@link VectorKernels} uses
 * {@code jdk.incubator.vector}. {@link KernelProvider} chooses one, once.
 */
interface Kernels {

    /** Returns what to call this set of kernels in reports, such as {@code vector-512}. */
    String name();

    /**
     * Adds {@code Σ x[i] · W[:, i]} over the kept inputs of groups {@code g0 … g1-1} to the outputs of tiles
     * {@code t0 … t1-1}.
     *
     * @param w a matrix packed by columns
     * @param y receives output {@code o} at {@code yOffset + o}; whole tiles of 64
     */
    void columns(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset);

    /**
     * The same for {@code n} vectors at once, so that weights are read once for all of them. Each result has the very bits
     * that {@link #columns(PackedMatrix, Kept, int, int, int, int, float[], int)} gives.
     *
     * @param y a result each
     */
    default void columns(
            PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        if (n == 1) {
            columns(w, x[0], g0, g1, t0, t1, y[0], yOffset);
        } else if (w.isNarrow()) {
            // The weights of a tile come from the cache for all but the first.
            for (int t = t0; t < t1; t++) {
                for (int r = 0; r < n; r++) {
                    columns(w, x[r], g0, g1, t, t + 1, y[r], yOffset);
                }
            }
        } else if (w.plane.quantised()) {
            // A wide panel's groups are summed up one by one, so its columns can be shared a group at a time.
            for (int g = g0; g < g1; g++) {
                for (int r = 0; r < n; r++) {
                    columns(w, x[r], g, g + 1, t0, t1, y[r], yOffset);
                }
            }
        } else {
            for (int r = 0; r < n; r++) {
                columns(w, x[r], g0, g1, t0, t1, y[r], yOffset);
            }
        }
    }

    /**
     * Computes {@code out[k] = W[rows[k], :] · x} for {@code k < n}.
     *
     * @param w a matrix packed by rows
     * @param x the input in strip order, and {@code sums} its lanes' sums; see {@link RowStrips#prepare}
     */
    void rows(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out);

    /** Writes the weights of inputs {@code i0 … i1-1} and the 64 outputs of a tile as floats {@code [i1-i0][64]}. */
    void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel);

    /**
     * Multiplies {@code C[m][64] = A[m][k] · panel[k][64]}.
     *
     * @param accumulate whether to add to what is in {@code c}
     */
    void gemm(
            float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate);

    /** Computes {@code out = x / sqrt(mean x² + eps) · weight} over {@code n} entries. */
    void rmsNorm(float[] x, int xOffset, int n, float[] weight, float eps, float[] out, int outOffset);

    /** Replaces {@code x} by {@code SiLU(x) = x / (1 + exp(-x))}, {@code n} entries, rounded up to 16. */
    void silu(float[] x, int offset, int n);

    /** Multiplies {@code x[i] *= y[i]}. */
    void multiply(float[] x, int xOffset, float[] y, int yOffset, int n);

    /**
     * Writes {@code out[i] = x[i]} where {@code |x[i]| > threshold[i]} and zero elsewhere; {@code out} may be {@code x}.
     *
     * @param threshold {@code [n]} from {@code tOffset}
     * @return the number of entries above their thresholds
     */
    int mask(float[] x, int xOffset, float[] threshold, int tOffset, int n, float[] out, int outOffset);

    /** Adds {@code x[i] += y[i]}. */
    void add(float[] x, int xOffset, float[] y, int yOffset, int n);

    /** Replaces scores by {@code exp(x - max)} and returns their sum; {@code n} entries. */
    float softmaxNumerators(float[] x, int offset, int n, float max);

    /**
     * Computes the scores of queries against cached keys: {@code out[h][p] = scale · q[h] · K[p]}.
     *
     * @param kv the layer's cache
     * @param head the key–value head
     * @param p0 first position, a multiple of 16
     * @param p1 end of positions
     * @param q queries {@code [heads][key length]} from {@code qOffset}
     * @param out receives {@code [heads][outStride]}, written up to a multiple of 16
     * @param scratch at least {@link KvLayer#scratchLength}
     */
    void scores(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] q,
            int qOffset,
            int heads,
            float scale,
            float[] out,
            int outStride,
            float[] scratch);

    /**
     * Adds up cached values: {@code out[h] += Σ_p weight[h][p - p0] · V[p]}.
     *
     * @param weight {@code [heads][weightStride]}
     * @param out {@code [heads][value length]} from {@code outOffset}
     * @param scratch at least {@link KvLayer#scratchLength}
     */
    void weightedValues(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] weight,
            int weightStride,
            int heads,
            float[] out,
            int outOffset,
            float[] scratch);

    /**
     * Writes the keys of positions {@code p0 … p1-1}, at most 64, as floats {@code [key length][64]}; {@code p0} is a
     * multiple of 16.
     */
    void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel);

    /** Writes dimensions {@code d0 … d0+63} of the values of positions {@code p0 … p1-1} as floats {@code [p1-p0][64]}. */
    void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel);

    /** The same for four runs of {@code length} bytes, side by side, as kernels read kept channels; a multiple of 64. */
    default long sum(MemorySegment s, long p0, long p1, long p2, long p3, long length) {
        return sum(s, p0, p0 + length) + sum(s, p1, p1 + length) + sum(s, p2, p2 + length) + sum(s, p3, p3 + length);
    }

    /** Sums a segment's bytes as longs: the raw read that bandwidth is quoted against. */
    long sum(MemorySegment s, long from, long to);
}
