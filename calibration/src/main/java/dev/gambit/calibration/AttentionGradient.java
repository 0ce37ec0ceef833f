package dev.gambit.calibration;

import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import java.util.Arrays;

/**
 * Causal attention with rotary positions over whole windows, forwards and backwards. Keys and queries are rotated in place
 * on the way forwards; gradients are turned back. A key–value head's windows are one task, so sums over the heads that
 * share it have one order.
 */
final class AttentionGradient {

    /** Queries at a time: keys after them are left out. */
    private static final int BLOCK = 128;

    private final ModelConfig c;
    private final Workers workers;
    private final FloatProducts products;
    private final int windows;
    private final int tokens;
    private final int ldQ;
    private final int ldK;
    private final int ldV;
    private final int ldA;
    private final int ldT;
    private final int group;
    private final float scale;
    private final float[][] cos;
    private final float[][] sin;
    private final float[][] back;
    private final Rope rope;
    /** Per worker: weights, their gradients, a transposed copy, and tiles of a head's width. */
    private final float[][] p;
    private final float[][] dp;
    private final float[][] t;
    private final float[][] tile;
    private final float[][] keyTile;
    private final float[][] valueTile;

    AttentionGradient(
            ModelConfig c, Rope rope, Workers workers, FloatProducts products, int windows, int tokens, int ldQ,
            int ldK, int ldV, int ldA) {
        this.c = c;
        this.rope = rope;
        this.workers = workers;
        this.products = products;
        this.windows = windows;
        this.tokens = tokens;
        this.ldQ = ldQ;
        this.ldK = ldK;
        this.ldV = ldV;
        this.ldA = ldA;
        // rows a power of two apart would share a few sets of the first-level cache
        ldT = FloatProducts.pad(tokens) + FloatProducts.WIDTH;
        group = c.heads() / c.kvHeads();
        scale = (float) (1 / Math.sqrt(c.keyLength()));
        cos = new float[tokens][rope.pairs()];
        sin = new float[tokens][rope.pairs()];
        back = new float[tokens][rope.pairs()];
        for (int i = 0; i < tokens; i++) {
            rope.angles(i, cos[i], sin[i]);
            for (int j = 0; j < rope.pairs(); j++) {
                back[i][j] = -sin[i][j];
            }
        }
        p = new float[workers.size()][tokens * ldT];
        dp = new float[workers.size()][tokens * ldT];
        t = new float[workers.size()][tokens * ldT];
        tile = new float[workers.size()][tokens * FloatProducts.pad(Math.max(c.keyLength(), c.valueLength()))];
        keyTile = new float[workers.size()][tokens * FloatProducts.pad(c.keyLength())];
        valueTile = new float[workers.size()][tokens * FloatProducts.pad(c.valueLength())];
    }

    /** Rotates q and k and computes {@code o = softmax(q kᵀ / √d) v}, heads side by side. */
    void forward(float[] q, float[] k, float[] v, float[] o) {
        rotate(q, ldQ, c.heads(), sin);
        rotate(k, ldK, c.kvHeads(), sin);
        int ld = FloatProducts.pad(c.valueLength());
        workers.run(windows * c.kvHeads(), (from, to, worker) -> {
            for (int task = from; task < to; task++) {
                int row = task / c.kvHeads() * tokens;
                int kv = task % c.kvHeads();
                for (int h = kv * group; h < (kv + 1) * group; h++) {
                    weights(q, k, row, h, kv, worker);
                    lower(p[worker], v, row * ldV + kv * c.valueLength(), ldV, c.valueLength(), tile[worker], ld,
                            worker);
                    copy(tile[worker], ld, o, row * ldA + h * c.valueLength(), ldA, c.valueLength());
                }
            }
        });
    }

    /** Takes q and k as {@link #forward} left them; gradients are those of the projections, before rotation. */
    void backward(float[] q, float[] k, float[] v, float[] gradient, float[] dq, float[] dk, float[] dv) {
        int n = c.keyLength();
        int m = c.valueLength();
        int ldn = FloatProducts.pad(n);
        int ldm = FloatProducts.pad(m);
        workers.run(windows * c.kvHeads(), (from, to, worker) -> {
            for (int task = from; task < to; task++) {
                int row = task / c.kvHeads() * tokens;
                int kv = task % c.kvHeads();
                for (int h = kv * group; h < (kv + 1) * group; h++) {
                    boolean add = h > kv * group;
                    int go = row * ldA + h * m;
                    weights(q, k, row, h, kv, worker);
                    products(gradient, go, ldA, m, v, row * ldV + kv * m, ldV, dp[worker], worker);
                    transpose(p[worker], t[worker]);
                    upper(t[worker], gradient, go, ldA, m, valueTile[worker], ldm, add, worker);
                    softmaxBackward(p[worker], dp[worker]);
                    lower(dp[worker], k, row * ldK + kv * n, ldK, n, tile[worker], ldn, worker);
                    copy(tile[worker], ldn, dq, row * ldQ + h * n, ldQ, n);
                    transpose(dp[worker], t[worker]);
                    upper(t[worker], q, row * ldQ + h * n, ldQ, n, keyTile[worker], ldn, add, worker);
                }
                copy(keyTile[worker], ldn, dk, row * ldK + kv * n, ldK, n);
                copy(valueTile[worker], ldm, dv, row * ldV + kv * m, ldV, m);
            }
        });
        rotate(dq, ldQ, c.heads(), back);
        rotate(dk, ldK, c.kvHeads(), back);
    }

    private void rotate(float[] x, int ld, int heads, float[][] sines) {
        workers.run(windows * tokens, (from, to, worker) -> {
            for (int r = from; r < to; r++) {
                for (int h = 0; h < heads; h++) {
                    rope.rotate(x, r * ld + h * c.keyLength(), cos[r % tokens], sines[r % tokens]);
                }
            }
        });
    }

    private void weights(float[] q, float[] k, int row, int h, int kv, int worker) {
        float[] s = p[worker];
        int n = c.keyLength();
        products(q, row * ldQ + h * n, ldQ, n, k, row * ldK + kv * n, ldK, s, worker);
        for (int i = 0; i < tokens; i++) {
            int at = i * ldT;
            float max = Float.NEGATIVE_INFINITY;
            for (int j = 0; j <= i; j++) {
                s[at + j] *= scale;
                max = Math.max(max, s[at + j]);
            }
            float factor = 1 / products.product.exponentials(s, at, i + 1, max);
            for (int j = 0; j <= i; j++) {
                s[at + j] *= factor;
            }
            Arrays.fill(s, at + i + 1, at + ldT, 0f);
        }
    }

    /** {@code out[i][j] = a[i] · b[j]} for {@code j ≤ i} and some more. */
    private void products(
            float[] a, int ao, int lda, int width, float[] b, int bo, int ldb, float[] out, int worker) {
        for (int i = 0; i < tokens; i += BLOCK) {
            int end = Math.min(tokens, i + BLOCK);
            products.timesTransposed(
                    a, ao + i * lda, lda, end - i, width, b, bo, ldb, end, out, i * ldT, ldT, worker);
        }
    }

    /** {@code out = a b}, {@code a} zero above its diagonal. */
    private void lower(float[] a, float[] b, int bo, int ldb, int width, float[] out, int ld, int worker) {
        for (int i = 0; i < tokens; i += BLOCK) {
            int end = Math.min(tokens, i + BLOCK);
            products.times(a, i * ldT, ldT, end - i, end, b, bo, ldb, width, out, i * ld, ld, false, worker);
        }
    }

    /** {@code out (+)= a b}, {@code a} zero below its diagonal. */
    private void upper(
            float[] a, float[] b, int bo, int ldb, int width, float[] out, int ld, boolean add, int worker) {
        for (int i = 0; i < tokens; i += BLOCK) {
            int end = Math.min(tokens, i + BLOCK);
            products.times(a, i * ldT + i, ldT, end - i, tokens - i, b, bo + i * ldb, ldb, width, out, i * ld, ld, add,
                    worker);
        }
    }

    /** Turns the weights' gradients into those of q·k. */
    private void softmaxBackward(float[] w, float[] dw) {
        for (int i = 0; i < tokens; i++) {
            int at = i * ldT;
            double dot = 0;
            for (int j = 0; j <= i; j++) {
                dot += (double) w[at + j] * dw[at + j];
            }
            for (int j = 0; j <= i; j++) {
                dw[at + j] = w[at + j] * (dw[at + j] - (float) dot) * scale;
            }
            Arrays.fill(dw, at + i + 1, at + ldT, 0f);
        }
    }

    /** Transposes what is below the diagonal, and the zeros above it in the blocks that it crosses. */
    private void transpose(float[] from, float[] to) {
        for (int i = 0; i < tokens; i += 16) {
            int last = Math.min(tokens, (i / BLOCK + 1) * BLOCK);
            for (int j = 0; j < last; j++) {
                for (int b = i; b < Math.min(tokens, i + 16); b++) {
                    to[j * ldT + b] = from[b * ldT + j];
                }
            }
        }
    }

    private void copy(float[] from, int ldFrom, float[] to, int at, int ldTo, int width) {
        for (int i = 0; i < tokens; i++) {
            System.arraycopy(from, i * ldFrom, to, at + i * ldTo, width);
        }
    }
}
