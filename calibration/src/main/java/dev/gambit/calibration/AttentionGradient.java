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
        ldT = FloatProducts.pad(tokens);
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
                    products.times(p[worker], 0, ldT, tokens, tokens, v, row * ldV + kv * c.valueLength(), ldV,
                            c.valueLength(), tile[worker], 0, ld, false, worker);
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
                    products.timesTransposed(gradient, go, ldA, tokens, m, v, row * ldV + kv * m, ldV, tokens,
                            dp[worker], 0, ldT, worker);
                    transpose(p[worker], t[worker]);
                    products.times(t[worker], 0, ldT, tokens, tokens, gradient, go, ldA, m, valueTile[worker], 0, ldm,
                            add, worker);
                    softmaxBackward(p[worker], dp[worker]);
                    products.times(dp[worker], 0, ldT, tokens, tokens, k, row * ldK + kv * n, ldK, n, tile[worker], 0,
                            ldn, false, worker);
                    copy(tile[worker], ldn, dq, row * ldQ + h * n, ldQ, n);
                    transpose(dp[worker], t[worker]);
                    products.times(t[worker], 0, ldT, tokens, tokens, q, row * ldQ + h * n, ldQ, n, keyTile[worker], 0,
                            ldn, add, worker);
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
        products.timesTransposed(
                q, row * ldQ + h * n, ldQ, tokens, n, k, row * ldK + kv * n, ldK, tokens, s, 0, ldT, worker);
        for (int i = 0; i < tokens; i++) {
            int at = i * ldT;
            float max = Float.NEGATIVE_INFINITY;
            for (int j = 0; j <= i; j++) {
                max = Math.max(max, s[at + j]);
            }
            double sum = 0;
            for (int j = 0; j <= i; j++) {
                double e = LogSoftmax.exp((s[at + j] - max) * scale);
                s[at + j] = (float) e;
                sum += e;
            }
            float factor = (float) (1 / sum);
            for (int j = 0; j <= i; j++) {
                s[at + j] *= factor;
            }
            Arrays.fill(s, at + i + 1, at + ldT, 0f);
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

    private void transpose(float[] from, float[] to) {
        for (int i = 0; i < tokens; i += 16) {
            for (int j = 0; j < tokens; j++) {
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
