package dev.gambit.engine.internal.cpu;

/**
 * The kernels' dense product over a panel of {@value #WIDTH} outputs, for calibration, which multiplies with transposed
 * weights too, and the functions between products. Immutable; usable by any threads.
 */
public final class DenseProduct {

    /** Columns of a panel. */
    public static final int WIDTH = PackedMatrix.TILE;
    /** Rows of a panel that stay in a core's second-level cache. */
    public static final int DEPTH = 512;

    private final Kernels kernels = KernelProvider.kernels();

    /**
     * Multiplies {@code C[m][64] = A[m][k] · panel[k][64]}.
     *
     * @param a rows of {@code k} floats, {@code lda} apart, from {@code aOffset}
     * @param c rows of 64 floats, {@code ldc} apart, from {@code cOffset}
     * @param accumulate whether to add to what is in {@code c}
     */
    public void multiply(
            float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate) {
        kernels.gemm(a, aOffset, lda, m, k, panel, c, cOffset, ldc, accumulate);
    }

    /** Replaces {@code x} by {@code SiLU(x)}, {@code n} entries, rounded up to 16. */
    public void silu(float[] x, int offset, int n) {
        kernels.silu(x, offset, n);
    }

    /** Replaces {@code x} by {@code exp(x - max)} and returns the sum; {@code n} entries. */
    public float exponentials(float[] x, int offset, int n, float max) {
        return kernels.softmaxNumerators(x, offset, n, max);
    }

    /**
     * Writes {@code out[i] = x[i]} where {@code |x[i]| > threshold[i]} and zero elsewhere; returns the number of the former.
     *
     * @param threshold {@code [n]}
     */
    public int mask(float[] x, int offset, float[] threshold, int n, float[] out, int outOffset) {
        return kernels.mask(x, offset, threshold, 0, n, out, outOffset);
    }
}
