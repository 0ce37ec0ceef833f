package dev.gambit.calibration;

import dev.gambit.engine.internal.cpu.DenseProduct;
import java.util.Arrays;

/**
 * Products of rows of activations with a matrix of weights {@code W[out][in]}, forwards ({@code y = x Wᵀ}) and backwards
 * ({@code dx = dy W}). Rows are split over threads, so results do not depend on their number. Leading dimensions are
 * multiples of {@value DenseProduct#WIDTH}: kernels write whole panels.
 */
final class FloatProducts {

    static final int WIDTH = DenseProduct.WIDTH;
    private static final int DEPTH = DenseProduct.DEPTH;

    private final Workers workers;
    final DenseProduct product = new DenseProduct();
    private final float[][] panels;

    FloatProducts(Workers workers) {
        this.workers = workers;
        panels = new float[workers.size()][DEPTH * WIDTH];
    }

    /** Returns {@code n} rounded up to whole panels: the least leading dimension of a row of {@code n}. */
    static int pad(int n) {
        return (n + WIDTH - 1) / WIDTH * WIDTH;
    }

    /** {@code y[rows][out] (+)= x[rows][in] · Wᵀ}. */
    void forward(float[] x, int ldx, int rows, float[] w, int out, int in, float[] y, int ldy, boolean add) {
        workers.run(rows, (from, to, worker) -> forward(
                x, from * ldx, ldx, to - from, w, 0, out, in, y, from * ldy, ldy, add, worker));
    }

    /** {@code dx[rows][in] (+)= dy[rows][out] · W}. */
    void backward(float[] dy, int ldy, int rows, float[] w, int out, int in, float[] dx, int ldx, boolean add) {
        workers.run(rows, (from, to, worker) -> backward(
                dy, from * ldy, ldy, to - from, w, 0, out, in, dx, from * ldx, ldx, add, worker));
    }

    /** {@link #forward} of outputs {@code w0 … w0+out-1} on the calling thread, whose panel is {@code worker}'s. */
    void forward(
            float[] x, int xo, int ldx, int rows, float[] w, int w0, int out, int in, float[] y, int yo, int ldy,
            boolean add, int worker) {
        float[] panel = panels[worker];
        for (int o = 0; o < out; o += WIDTH) {
            int width = Math.min(WIDTH, out - o);
            for (int k = 0; k < in; k += DEPTH) {
                int depth = Math.min(DEPTH, in - k);
                transpose(w, (w0 + o) * in + k, in, width, depth, panel);
                product.multiply(x, xo + k, ldx, rows, depth, panel, y, yo + o, ldy, add || k > 0);
            }
        }
    }

    /** Writes {@code width} rows of {@code depth} as a panel's columns, by blocks that stay in the first-level cache. */
    private static void transpose(float[] from, int at, int ld, int width, int depth, float[] panel) {
        for (int i0 = 0; i0 < depth; i0 += WIDTH) {
            int i1 = Math.min(depth, i0 + WIDTH);
            for (int j = 0; j < width; j++) {
                for (int i = i0; i < i1; i++) {
                    panel[i * WIDTH + j] = from[at + j * ld + i];
                }
            }
        }
        for (int i = 0; i < depth && width < WIDTH; i++) {
            Arrays.fill(panel, i * WIDTH + width, (i + 1) * WIDTH, 0f);
        }
    }

    /** {@link #backward} of outputs {@code w0 … w0+out-1} on the calling thread, whose panel is {@code worker}'s. */
    void backward(
            float[] dy, int dyo, int ldy, int rows, float[] w, int w0, int out, int in, float[] dx, int dxo, int ldx,
            boolean add, int worker) {
        float[] panel = panels[worker];
        for (int i = 0; i < in; i += WIDTH) {
            int width = Math.min(WIDTH, in - i);
            for (int k = 0; k < out; k += DEPTH) {
                int depth = Math.min(DEPTH, out - k);
                for (int j = 0; j < depth; j++) {
                    System.arraycopy(w, (w0 + k + j) * in + i, panel, j * WIDTH, width);
                    for (int c = width; c < WIDTH; c++) {
                        panel[j * WIDTH + c] = 0f;
                    }
                }
                product.multiply(dy, dyo + k, ldy, rows, depth, panel, dx, dxo + i, ldx, add || k > 0);
            }
        }
    }

    /** {@code c[m][n] = a[m][k] · bᵀ}, {@code b[n][k]}, all rows strided, on the calling thread. */
    void timesTransposed(
            float[] a, int ao, int lda, int m, int k, float[] b, int bo, int ldb, int n, float[] c, int co, int ldc,
            int worker) {
        float[] panel = panels[worker];
        for (int o = 0; o < n; o += WIDTH) {
            int width = Math.min(WIDTH, n - o);
            transpose(b, bo + o * ldb, ldb, width, k, panel);
            product.multiply(a, ao, lda, m, k, panel, c, co + o, ldc, false);
        }
    }

    /** {@code c[m][n] (+)= a[m][k] · b[k][n]}, all rows strided, on the calling thread; {@code c} has whole panels. */
    void times(
            float[] a, int ao, int lda, int m, int k, float[] b, int bo, int ldb, int n, float[] c, int co, int ldc,
            boolean add, int worker) {
        float[] panel = panels[worker];
        for (int o = 0; o < n; o += WIDTH) {
            int width = Math.min(WIDTH, n - o);
            for (int at = 0; at < k; at += DEPTH) {
                int depth = Math.min(DEPTH, k - at);
                for (int i = 0; i < depth; i++) {
                    System.arraycopy(b, bo + (at + i) * ldb + o, panel, i * WIDTH, width);
                    for (int j = width; j < WIDTH; j++) {
                        panel[i * WIDTH + j] = 0f;
                    }
                }
                product.multiply(a, ao + at, lda, m, depth, panel, c, co + o, ldc, add || at > 0);
            }
        }
    }
}
