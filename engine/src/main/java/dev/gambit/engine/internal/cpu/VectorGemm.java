package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import jdk.incubator.vector.FloatVector;

/**
 * Dense products over a panel of 64 outputs: four rows by four vectors of accumulators in registers, or six by two where the
 * processor has 16 registers (AVX2). More would not fit what C2 inlines into one method; see {@link VectorColumns}.
 */
final class VectorGemm {

    private static final int ROWS = 4;
    private static final int WIDTH = PackedMatrix.TILE;
    private static final boolean FEW_REGISTERS = N == 8;
    /** Two vectors of a panel, this many inputs deep, are 16 KiB: half a core's first-level cache. */
    private static final int DEPTH = 256;
    /** Rows whose inputs stay in the second-level cache beside a panel; a multiple of six and of four. */
    private static final int ROW_BLOCK = 96;

    private VectorGemm() {}

    static void multiply(
            float[] a, int ao, int lda, int m, int k, float[] panel, float[] c, int co, int ldc, boolean accumulate) {
        // The sums start from what is in c: a start chosen by a branch would be boxed.
        for (int r = 0; r < m && !accumulate; r++) {
            java.util.Arrays.fill(c, co + r * ldc, co + r * ldc + WIDTH, 0f);
        }
        if (FEW_REGISTERS && m >= ROW_BLOCK / 2) {
            blocked(a, ao, lda, m, k, panel, c, co, ldc);
            return;
        }
        int r = 0;
        for (; FEW_REGISTERS && r + ROWS <= m; r += ROWS) {
            for (int h = 0; h < WIDTH; h += 2 * N) {
                fourByTwo(a, ao + r * lda, lda, k, panel, h, WIDTH, c, co + r * ldc + h, ldc);
            }
        }
        for (; r + ROWS <= m; r += ROWS) {
            for (int h = 0; h < WIDTH; h += 4 * N) {
                four(a, ao + r * lda, lda, k, panel, h, c, co + r * ldc + h, ldc);
            }
        }
        for (; r < m; r++) {
            for (int h = 0; h < WIDTH; h += 4 * N) {
                one(a, ao + r * lda, lda, k, panel, h, c, co + r * ldc + h, ldc);
            }
        }
    }

    /**
     * The same for many rows. Two vectors' worth of a panel lie 256 bytes apart, in a quarter of the first-level cache's sets;
     * copied together they stay there. Each sum has the order that it has without blocks, and the same bits.
     */
    private static void blocked(
            float[] a, int ao, int lda, int m, int k, float[] panel, float[] c, int co, int ldc) {
        int width = 2 * N;
        int slice = Math.min(DEPTH, k) * width;
        float[] slices = new float[WIDTH / width * slice];
        for (int k0 = 0; k0 < k; k0 += DEPTH) {
            int depth = Math.min(DEPTH, k - k0);
            slice(panel, k0 * WIDTH, depth, slices, slice);
            for (int r0 = 0; r0 < m; r0 += ROW_BLOCK) {
                int r1 = Math.min(m, r0 + ROW_BLOCK);
                // what is left over fours where it can be
                int sixes = (r1 - r0) % 4 == 0 ? r0 + (r1 - r0) / 12 * 12 : r0 + (r1 - r0) / 6 * 6;
                for (int h = 0; h < WIDTH / width; h++) {
                    int to = co + h * width;
                    int r = r0;
                    for (; r < sixes; r += 6) {
                        sixByTwo(a, ao + r * lda + k0, lda, depth, slices, h * slice, c, to + r * ldc, ldc);
                    }
                    for (; r + ROWS <= r1; r += ROWS) {
                        fourByTwo(a, ao + r * lda + k0, lda, depth, slices, h * slice, width, c, to + r * ldc, ldc);
                    }
                }
                for (int r = r1 - (r1 - sixes) % ROWS; r < r1; r++) {
                    for (int h = 0; h < WIDTH; h += 4 * N) {
                        one(a, ao + r * lda + k0, lda, depth, panel, k0 * WIDTH + h, c, co + r * ldc + h, ldc);
                    }
                }
            }
        }
    }

    private static void slice(float[] panel, int from, int depth, float[] slices, int slice) {
        for (int h = 0; h < WIDTH; h += 2 * N) {
            for (int i = 0; i < depth; i++) {
                int at = h / (2 * N) * slice + i * 2 * N;
                FloatVector.fromArray(F, panel, from + i * WIDTH + h).intoArray(slices, at);
                FloatVector.fromArray(F, panel, from + i * WIDTH + h + N).intoArray(slices, at + N);
            }
        }
    }

    private static void sixByTwo(
            float[] a, int ao, int lda, int k, float[] b, int h, float[] c, int co, int ldc) {
        FloatVector c00 = FloatVector.fromArray(F, c, co);
        FloatVector c01 = FloatVector.fromArray(F, c, co + N);
        FloatVector c10 = FloatVector.fromArray(F, c, co + ldc);
        FloatVector c11 = FloatVector.fromArray(F, c, co + ldc + N);
        FloatVector c20 = FloatVector.fromArray(F, c, co + 2 * ldc);
        FloatVector c21 = FloatVector.fromArray(F, c, co + 2 * ldc + N);
        FloatVector c30 = FloatVector.fromArray(F, c, co + 3 * ldc);
        FloatVector c31 = FloatVector.fromArray(F, c, co + 3 * ldc + N);
        FloatVector c40 = FloatVector.fromArray(F, c, co + 4 * ldc);
        FloatVector c41 = FloatVector.fromArray(F, c, co + 4 * ldc + N);
        FloatVector c50 = FloatVector.fromArray(F, c, co + 5 * ldc);
        FloatVector c51 = FloatVector.fromArray(F, c, co + 5 * ldc + N);
        for (int i = 0; i < k; i++) {
            int p = h + i * 2 * N;
            FloatVector b0 = FloatVector.fromArray(F, b, p);
            FloatVector b1 = FloatVector.fromArray(F, b, p + N);
            FloatVector x = FloatVector.broadcast(F, a[ao + i]);
            c00 = b0.fma(x, c00);
            c01 = b1.fma(x, c01);
            x = FloatVector.broadcast(F, a[ao + lda + i]);
            c10 = b0.fma(x, c10);
            c11 = b1.fma(x, c11);
            x = FloatVector.broadcast(F, a[ao + 2 * lda + i]);
            c20 = b0.fma(x, c20);
            c21 = b1.fma(x, c21);
            x = FloatVector.broadcast(F, a[ao + 3 * lda + i]);
            c30 = b0.fma(x, c30);
            c31 = b1.fma(x, c31);
            x = FloatVector.broadcast(F, a[ao + 4 * lda + i]);
            c40 = b0.fma(x, c40);
            c41 = b1.fma(x, c41);
            x = FloatVector.broadcast(F, a[ao + 5 * lda + i]);
            c50 = b0.fma(x, c50);
            c51 = b1.fma(x, c51);
        }
        c00.intoArray(c, co);
        c01.intoArray(c, co + N);
        c10.intoArray(c, co + ldc);
        c11.intoArray(c, co + ldc + N);
        c20.intoArray(c, co + 2 * ldc);
        c21.intoArray(c, co + 2 * ldc + N);
        c30.intoArray(c, co + 3 * ldc);
        c31.intoArray(c, co + 3 * ldc + N);
        c40.intoArray(c, co + 4 * ldc);
        c41.intoArray(c, co + 4 * ldc + N);
        c50.intoArray(c, co + 5 * ldc);
        c51.intoArray(c, co + 5 * ldc + N);
    }

    private static void four(
            float[] a, int ao, int lda, int k, float[] b, int h, float[] c, int co, int ldc) {
        FloatVector c00 = FloatVector.fromArray(F, c, co);
        FloatVector c01 = FloatVector.fromArray(F, c, co + N);
        FloatVector c02 = FloatVector.fromArray(F, c, co + 2 * N);
        FloatVector c03 = FloatVector.fromArray(F, c, co + 3 * N);
        FloatVector c10 = FloatVector.fromArray(F, c, co + ldc);
        FloatVector c11 = FloatVector.fromArray(F, c, co + ldc + N);
        FloatVector c12 = FloatVector.fromArray(F, c, co + ldc + 2 * N);
        FloatVector c13 = FloatVector.fromArray(F, c, co + ldc + 3 * N);
        FloatVector c20 = FloatVector.fromArray(F, c, co + 2 * ldc);
        FloatVector c21 = FloatVector.fromArray(F, c, co + 2 * ldc + N);
        FloatVector c22 = FloatVector.fromArray(F, c, co + 2 * ldc + 2 * N);
        FloatVector c23 = FloatVector.fromArray(F, c, co + 2 * ldc + 3 * N);
        FloatVector c30 = FloatVector.fromArray(F, c, co + 3 * ldc);
        FloatVector c31 = FloatVector.fromArray(F, c, co + 3 * ldc + N);
        FloatVector c32 = FloatVector.fromArray(F, c, co + 3 * ldc + 2 * N);
        FloatVector c33 = FloatVector.fromArray(F, c, co + 3 * ldc + 3 * N);
        for (int i = 0; i < k; i++) {
            int p = i * WIDTH + h;
            FloatVector b0 = FloatVector.fromArray(F, b, p);
            FloatVector b1 = FloatVector.fromArray(F, b, p + N);
            FloatVector b2 = FloatVector.fromArray(F, b, p + 2 * N);
            FloatVector b3 = FloatVector.fromArray(F, b, p + 3 * N);
            FloatVector x = FloatVector.broadcast(F, a[ao + i]);
            c00 = b0.fma(x, c00);
            c01 = b1.fma(x, c01);
            c02 = b2.fma(x, c02);
            c03 = b3.fma(x, c03);
            x = FloatVector.broadcast(F, a[ao + lda + i]);
            c10 = b0.fma(x, c10);
            c11 = b1.fma(x, c11);
            c12 = b2.fma(x, c12);
            c13 = b3.fma(x, c13);
            x = FloatVector.broadcast(F, a[ao + 2 * lda + i]);
            c20 = b0.fma(x, c20);
            c21 = b1.fma(x, c21);
            c22 = b2.fma(x, c22);
            c23 = b3.fma(x, c23);
            x = FloatVector.broadcast(F, a[ao + 3 * lda + i]);
            c30 = b0.fma(x, c30);
            c31 = b1.fma(x, c31);
            c32 = b2.fma(x, c32);
            c33 = b3.fma(x, c33);
        }
        c00.intoArray(c, co);
        c01.intoArray(c, co + N);
        c02.intoArray(c, co + 2 * N);
        c03.intoArray(c, co + 3 * N);
        c10.intoArray(c, co + ldc);
        c11.intoArray(c, co + ldc + N);
        c12.intoArray(c, co + ldc + 2 * N);
        c13.intoArray(c, co + ldc + 3 * N);
        c20.intoArray(c, co + 2 * ldc);
        c21.intoArray(c, co + 2 * ldc + N);
        c22.intoArray(c, co + 2 * ldc + 2 * N);
        c23.intoArray(c, co + 2 * ldc + 3 * N);
        c30.intoArray(c, co + 3 * ldc);
        c31.intoArray(c, co + 3 * ldc + N);
        c32.intoArray(c, co + 3 * ldc + 2 * N);
        c33.intoArray(c, co + 3 * ldc + 3 * N);
    }

    private static void fourByTwo(
            float[] a, int ao, int lda, int k, float[] b, int h, int stride, float[] c, int co, int ldc) {
        FloatVector c00 = FloatVector.fromArray(F, c, co);
        FloatVector c01 = FloatVector.fromArray(F, c, co + N);
        FloatVector c10 = FloatVector.fromArray(F, c, co + ldc);
        FloatVector c11 = FloatVector.fromArray(F, c, co + ldc + N);
        FloatVector c20 = FloatVector.fromArray(F, c, co + 2 * ldc);
        FloatVector c21 = FloatVector.fromArray(F, c, co + 2 * ldc + N);
        FloatVector c30 = FloatVector.fromArray(F, c, co + 3 * ldc);
        FloatVector c31 = FloatVector.fromArray(F, c, co + 3 * ldc + N);
        for (int i = 0; i < k; i++) {
            int p = i * stride + h;
            FloatVector b0 = FloatVector.fromArray(F, b, p);
            FloatVector b1 = FloatVector.fromArray(F, b, p + N);
            FloatVector x = FloatVector.broadcast(F, a[ao + i]);
            c00 = b0.fma(x, c00);
            c01 = b1.fma(x, c01);
            x = FloatVector.broadcast(F, a[ao + lda + i]);
            c10 = b0.fma(x, c10);
            c11 = b1.fma(x, c11);
            x = FloatVector.broadcast(F, a[ao + 2 * lda + i]);
            c20 = b0.fma(x, c20);
            c21 = b1.fma(x, c21);
            x = FloatVector.broadcast(F, a[ao + 3 * lda + i]);
            c30 = b0.fma(x, c30);
            c31 = b1.fma(x, c31);
        }
        c00.intoArray(c, co);
        c01.intoArray(c, co + N);
        c10.intoArray(c, co + ldc);
        c11.intoArray(c, co + ldc + N);
        c20.intoArray(c, co + 2 * ldc);
        c21.intoArray(c, co + 2 * ldc + N);
        c30.intoArray(c, co + 3 * ldc);
        c31.intoArray(c, co + 3 * ldc + N);
    }

    private static void one(
            float[] a, int ao, int lda, int k, float[] b, int h, float[] c, int co, int ldc) {
        FloatVector c00 = FloatVector.fromArray(F, c, co);
        FloatVector c01 = FloatVector.fromArray(F, c, co + N);
        FloatVector c02 = FloatVector.fromArray(F, c, co + 2 * N);
        FloatVector c03 = FloatVector.fromArray(F, c, co + 3 * N);
        for (int i = 0; i < k; i++) {
            int p = i * WIDTH + h;
            FloatVector b0 = FloatVector.fromArray(F, b, p);
            FloatVector b1 = FloatVector.fromArray(F, b, p + N);
            FloatVector b2 = FloatVector.fromArray(F, b, p + 2 * N);
            FloatVector b3 = FloatVector.fromArray(F, b, p + 3 * N);
            FloatVector x = FloatVector.broadcast(F, a[ao + i]);
            c00 = b0.fma(x, c00);
            c01 = b1.fma(x, c01);
            c02 = b2.fma(x, c02);
            c03 = b3.fma(x, c03);
        }
        c00.intoArray(c, co);
        c01.intoArray(c, co + N);
        c02.intoArray(c, co + 2 * N);
        c03.intoArray(c, co + 3 * N);
    }
}
