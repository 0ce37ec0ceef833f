package dev.gambit.engine.internal.cpu;

import static dev.gambit.engine.internal.cpu.Lanes.F;
import static dev.gambit.engine.internal.cpu.Lanes.N;

import jdk.incubator.vector.FloatVector;

/** Dense products over a panel of 64 outputs: six rows by four vectors of accumulators in registers. */
final class VectorGemm {

    private static final int ROWS = 6;
    private static final int WIDTH = PackedMatrix.TILE;

    private VectorGemm() {}

    static void multiply(
            float[] a, int ao, int lda, int m, int k, float[] panel, float[] c, int co, int ldc, boolean accumulate) {
        // The sums start from what is in c: a start chosen by a branch would be boxed.
        for (int r = 0; r < m && !accumulate; r++) {
            java.util.Arrays.fill(c, co + r * ldc, co + r * ldc + WIDTH, 0f);
        }
        int r = 0;
        for (; r + ROWS <= m; r += ROWS) {
            for (int h = 0; h < WIDTH; h += 4 * N) {
                six(a, ao + r * lda, lda, k, panel, h, c, co + r * ldc + h, ldc);
            }
        }
        for (; r + 2 <= m; r += 2) {
            for (int h = 0; h < WIDTH; h += 4 * N) {
                two(a, ao + r * lda, lda, k, panel, h, c, co + r * ldc + h, ldc);
            }
        }
        for (; r < m; r++) {
            for (int h = 0; h < WIDTH; h += 4 * N) {
                one(a, ao + r * lda, k, panel, h, c, co + r * ldc + h);
            }
        }
    }

    private static void six(
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
        FloatVector c40 = FloatVector.fromArray(F, c, co + 4 * ldc);
        FloatVector c41 = FloatVector.fromArray(F, c, co + 4 * ldc + N);
        FloatVector c42 = FloatVector.fromArray(F, c, co + 4 * ldc + 2 * N);
        FloatVector c43 = FloatVector.fromArray(F, c, co + 4 * ldc + 3 * N);
        FloatVector c50 = FloatVector.fromArray(F, c, co + 5 * ldc);
        FloatVector c51 = FloatVector.fromArray(F, c, co + 5 * ldc + N);
        FloatVector c52 = FloatVector.fromArray(F, c, co + 5 * ldc + 2 * N);
        FloatVector c53 = FloatVector.fromArray(F, c, co + 5 * ldc + 3 * N);
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
            x = FloatVector.broadcast(F, a[ao + 4 * lda + i]);
            c40 = b0.fma(x, c40);
            c41 = b1.fma(x, c41);
            c42 = b2.fma(x, c42);
            c43 = b3.fma(x, c43);
            x = FloatVector.broadcast(F, a[ao + 5 * lda + i]);
            c50 = b0.fma(x, c50);
            c51 = b1.fma(x, c51);
            c52 = b2.fma(x, c52);
            c53 = b3.fma(x, c53);
        }
        store(c, co, c00, c01, c02, c03);
        store(c, co + ldc, c10, c11, c12, c13);
        store(c, co + 2 * ldc, c20, c21, c22, c23);
        store(c, co + 3 * ldc, c30, c31, c32, c33);
        store(c, co + 4 * ldc, c40, c41, c42, c43);
        store(c, co + 5 * ldc, c50, c51, c52, c53);
    }

    private static void two(
            float[] a, int ao, int lda, int k, float[] b, int h, float[] c, int co, int ldc) {
        FloatVector c00 = FloatVector.fromArray(F, c, co);
        FloatVector c01 = FloatVector.fromArray(F, c, co + N);
        FloatVector c02 = FloatVector.fromArray(F, c, co + 2 * N);
        FloatVector c03 = FloatVector.fromArray(F, c, co + 3 * N);
        FloatVector c10 = FloatVector.fromArray(F, c, co + ldc);
        FloatVector c11 = FloatVector.fromArray(F, c, co + ldc + N);
        FloatVector c12 = FloatVector.fromArray(F, c, co + ldc + 2 * N);
        FloatVector c13 = FloatVector.fromArray(F, c, co + ldc + 3 * N);
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
        }
        store(c, co, c00, c01, c02, c03);
        store(c, co + ldc, c10, c11, c12, c13);
    }

    private static void one(float[] a, int ao, int k, float[] b, int h, float[] c, int co) {
        FloatVector c0 = FloatVector.fromArray(F, c, co);
        FloatVector c1 = FloatVector.fromArray(F, c, co + N);
        FloatVector c2 = FloatVector.fromArray(F, c, co + 2 * N);
        FloatVector c3 = FloatVector.fromArray(F, c, co + 3 * N);
        for (int i = 0; i < k; i++) {
            int p = i * WIDTH + h;
            FloatVector x = FloatVector.broadcast(F, a[ao + i]);
            c0 = FloatVector.fromArray(F, b, p).fma(x, c0);
            c1 = FloatVector.fromArray(F, b, p + N).fma(x, c1);
            c2 = FloatVector.fromArray(F, b, p + 2 * N).fma(x, c2);
            c3 = FloatVector.fromArray(F, b, p + 3 * N).fma(x, c3);
        }
        store(c, co, c0, c1, c2, c3);
    }

    private static void store(float[] c, int at, FloatVector v0, FloatVector v1, FloatVector v2, FloatVector v3) {
        v0.intoArray(c, at);
        v1.intoArray(c, at + N);
        v2.intoArray(c, at + 2 * N);
        v3.intoArray(c, at + 3 * N);
    }
}
