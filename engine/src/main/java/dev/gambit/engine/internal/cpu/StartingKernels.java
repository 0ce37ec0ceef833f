package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The kernels of a process's first moments. Vector code that the JIT compiler has not seen yet runs a hundred times slower
 * than plain loops, and compiling it takes longer than a first token should. So plain loops, which give the same bits, compute
 * the first token; the vector kernels then get compiled by what they are for. (A thread that warmed them beside the packing
 * and the first tokens was tried: on two processors both came later.)
 */
final class StartingKernels implements Kernels {

    /** Whether this process has compiled its vector kernels; what is opened later uses them from the start. */
    private static volatile boolean compiled;

    private final VectorKernels vector;
    private volatile Kernels current;

    StartingKernels(VectorKernels vector) {
        this.vector = vector;
        current = new ScalarKernels(Lanes.N);
    }

    static boolean compiled() {
        return compiled;
    }

    /** From now on the vector kernels run. */
    void finish() {
        current = vector;
        compiled = true;
    }

    /** Returns the vector kernels' name: the others only stand in. */
    @Override
    public String name() {
        return vector.name();
    }

    @Override
    public void columns(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        current.columns(w, x, g0, g1, t0, t1, y, yOffset);
    }

    @Override
    public void columns(PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        current.columns(w, x, n, g0, g1, t0, t1, y, yOffset);
    }

    @Override
    public void rows(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        current.rows(w, x, sums, rows, n, out);
    }

    @Override
    public void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        current.dequantise(w, tile, i0, i1, panel);
    }

    @Override
    public void gemm(float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate) {
        current.gemm(a, aOffset, lda, m, k, panel, c, cOffset, ldc, accumulate);
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float eps, float[] out, int outOffset) {
        current.rmsNorm(x, xOffset, n, weight, eps, out, outOffset);
    }

    @Override
    public void silu(float[] x, int offset, int n) {
        current.silu(x, offset, n);
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int n) {
        current.multiply(x, xOffset, y, yOffset, n);
    }

    @Override
    public int mask(float[] x, int xOffset, float[] threshold, int tOffset, int n, float[] out, int outOffset) {
        return current.mask(x, xOffset, threshold, tOffset, n, out, outOffset);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int n) {
        current.add(x, xOffset, y, yOffset, n);
    }

    @Override
    public float softmaxNumerators(float[] x, int offset, int n, float max) {
        return current.softmaxNumerators(x, offset, n, max);
    }

    @Override
    public void scores(KvLayer kv, int head, int p0, int p1, float[] q, int qOffset, int heads, float scale,
            float[] out, int outStride, float[] scratch) {
        current.scores(kv, head, p0, p1, q, qOffset, heads, scale, out, outStride, scratch);
    }

    @Override
    public void weightedValues(KvLayer kv, int head, int p0, int p1, float[] weight, int weightStride, int heads,
            float[] out, int outOffset, float[] scratch) {
        current.weightedValues(kv, head, p0, p1, weight, weightStride, heads, out, outOffset, scratch);
    }

    @Override
    public void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel) {
        current.keyPanel(kv, head, p0, p1, panel);
    }

    @Override
    public void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel) {
        current.valuePanel(kv, head, p0, p1, d0, panel);
    }

    @Override
    public long sum(MemorySegment s, long p0, long p1, long p2, long p3, long length) {
        return current.sum(s, p0, p1, p2, p3, length);
    }

    @Override
    public long sum(MemorySegment s, long from, long to) {
        return current.sum(s, from, to);
    }
}
