package dev.gambit.calibration;

import dev.gambit.calibration.GradientWeights.Layer;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;

/**
 * Runs windows through the model in 32-bit floats, dense or masked, and a gradient back through it, handing out at each
 * site the gradient with regard to the vector behind its mask. Each layer's input is kept, what lies within a layer is
 * computed again on the way back. The same numbers for any number of threads: rows are split, never sums.
 */
final class GradientPass {

    /** Sees a site on the way back, or forwards. */
    interface SiteListener {

        /**
         * @param values the site's vector before its mask, rows of {@code width}, {@code ld} apart
         * @param gradients null on the way forwards; else the loss's gradient with regard to the vector behind the mask, laid out the same; where an entry is
         *     masked: what it would be if that entry alone were let through
         */
        void site(int layer, Site site, float[] values, float[] gradients, int rows, int width, int ld);
    }

    private final GradientWeights weights;
    private final ModelConfig c;
    private final Workers workers;
    private final FloatProducts products;
    private final AttentionGradient attention;
    private final boolean relu;
    private final int rows;
    private final int tokens;
    private final int ldD;
    private final int ldF;
    private final int ldA;
    private final int ldQ;
    private final int ldK;
    private final int ldV;
    private final float[][] hidden;
    private final float[] x;
    private final float[] mid;
    private final float[] y;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] o;
    private final float[] gate;
    private final float[] act;
    private final float[] up;
    private final float[] product;
    private final float[] masked;
    private final float[] output;
    private final float[] f1;
    private final float[] f2;
    private final float[] f3;
    private final float[] d1;
    private final float[] d2;
    private final float[] dq;
    private final float[] dk;
    private final float[] dv;
    private final int[] kept;
    private final int[] keptUp;
    private final int[] keptAct;
    private final double[] keptShare = new double[Site.COUNT];
    private Thresholds thresholds;
    private double used;

    /**
     * @param windows sequences at a time
     * @param tokens tokens of each
     */
    GradientPass(GradientWeights weights, Workers workers, int windows, int tokens) {
        this.weights = weights;
        this.workers = workers;
        this.tokens = tokens;
        c = weights.config;
        relu = c.activation() == ModelConfig.Activation.RELU;
        rows = windows * tokens;
        products = new FloatProducts(workers);
        ldD = FloatProducts.pad(c.embedding());
        ldF = FloatProducts.pad(c.feedForward());
        ldA = FloatProducts.pad(c.attentionWidth());
        ldQ = FloatProducts.pad(c.queryWidth());
        ldK = FloatProducts.pad(c.keyWidth());
        ldV = FloatProducts.pad(c.valueWidth());
        attention = new AttentionGradient(c, weights.rope, workers, products, windows, tokens, ldQ, ldK, ldV, ldA);
        hidden = new float[c.layers() + 1][rows * ldD];
        x = new float[rows * ldD];
        mid = new float[rows * ldD];
        y = new float[rows * ldD];
        q = new float[rows * ldQ];
        k = new float[rows * ldK];
        v = new float[rows * ldV];
        o = new float[rows * ldA];
        gate = new float[rows * ldF];
        act = new float[rows * ldF];
        up = new float[rows * ldF];
        product = new float[rows * ldF];
        masked = new float[rows * Math.max(ldF, Math.max(ldD, ldA))];
        output = new float[rows * ldD];
        f1 = new float[rows * ldF];
        f2 = new float[rows * ldF];
        f3 = new float[rows * ldF];
        d1 = new float[rows * Math.max(ldD, ldA)];
        d2 = new float[rows * ldD];
        dq = new float[rows * ldQ];
        dk = new float[rows * ldK];
        dv = new float[rows * ldV];
        kept = new int[rows];
        keptUp = new int[rows];
        keptAct = new int[rows];
    }

    /** Returns the rows of a batch, windows times tokens. */
    int rows() {
        return rows;
    }

    /** Returns the distance of rows of the residual stream. */
    int stride() {
        return ldD;
    }

    /** Returns what {@link #forward} leaves for the lm head, {@code [rows][stride]}. */
    float[] output() {
        return output;
    }

    /** Returns the fraction of the layers' weights that the last {@link #forward} used. */
    double active() {
        return used / ((double) rows * c.layers() * weightsPerLayer());
    }

    /** Returns the fraction of a site's channels that the last {@link #forward} kept. */
    double kept(Site site) {
        return keptShare[site.ordinal()] / ((double) rows * c.layers() * c.channels(site));
    }

    /** Returns a layer's linear weights. */
    long weightsPerLayer() {
        long d = c.embedding();
        return d * c.queryWidth() + d * c.keyWidth() + d * c.valueWidth() + d * c.attentionWidth()
                + 3 * d * c.feedForward();
    }

    /**
     * Runs windows through the model.
     *
     * @param windows as many as were announced
     * @param thresholds the masks; null for dense
     */
    void forward(int[][] windows, Thresholds thresholds) {
        forward(windows, thresholds, null);
    }

    /**
     * Runs windows through the model.
     *
     * @param listener hears of the sites' vectors before their masks, without gradients; null for nobody
     */
    void forward(int[][] windows, Thresholds thresholds, SiteListener listener) {
        this.thresholds = thresholds;
        used = 0;
        Arrays.fill(keptShare, 0);
        int[] all = new int[rows];
        for (int i = 0; i < windows.length; i++) {
            System.arraycopy(windows[i], 0, all, i * tokens, tokens);
        }
        weights.embeddings(all, hidden[0], ldD);
        for (int l = 0; l < c.layers(); l++) {
            layer(l, hidden[l + 1]);
            if (listener != null) {
                tell(l, listener);
            }
        }
        norm(hidden[c.layers()], weights.outputNorm, output);
    }

    private void tell(int l, SiteListener listener) {
        for (Site site : new Site[] {Site.Q_IN, Site.K_IN, Site.V_IN}) {
            listener.site(l, site, x, null, rows, c.embedding(), ldD);
        }
        listener.site(l, Site.O_IN, o, null, rows, c.attentionWidth(), ldA);
        listener.site(l, Site.GATE_IN, y, null, rows, c.embedding(), ldD);
        listener.site(l, Site.UP_IN, y, null, rows, c.embedding(), ldD);
        listener.site(l, Site.FFN_ACT, act, null, rows, c.feedForward(), ldF);
        listener.site(l, Site.DOWN_IN, product, null, rows, c.feedForward(), ldF);
    }

    /**
     * Goes back through the windows of the last {@link #forward}.
     *
     * @param gradient of the loss with regard to {@link #output}; overwritten
     */
    void backward(float[] gradient, SiteListener listener) {
        float[] dh = new float[rows * ldD];
        normBackward(hidden[c.layers()], weights.outputNorm, gradient, dh);
        for (int l = c.layers() - 1; l >= 0; l--) {
            layer(l, null);
            layerBackward(l, dh, listener);
        }
    }

    /**
     * Returns the squared error of a block's output where its input is what the last {@link #forward}, a dense one, gave it.
     *
     * @param masks of this layer
     */
    double blockError(int l, Thresholds masks) {
        thresholds = masks;
        layer(l, d2);
        thresholds = null;
        double[] sums = new double[rows];
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                for (int i = r * ldD; i < r * ldD + c.embedding(); i++) {
                    double e = d2[i] - hidden[l + 1][i];
                    sums[r] += e * e;
                }
            }
        });
        return Arrays.stream(sums).sum();
    }

    /**
     * Returns quantiles 0, 1/n, … 1 of a site's magnitudes times weights, on the inputs of the last {@link #forward}, a dense
     * one.
     */
    float[] quantiles(int l, Site site, float[] u, int n) {
        layer(l, null);
        float[] values = switch (site) {
            case Q_IN, K_IN, V_IN -> x;
            case O_IN -> o;
            case GATE_IN, UP_IN -> y;
            case FFN_ACT -> act;
            case DOWN_IN -> product;
        };
        int ld = values == o ? ldA : values == act || values == product ? ldF : ldD;
        float[] all = new float[rows * u.length];
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < u.length; i++) {
                all[r * u.length + i] = Math.abs(values[r * ld + i]) * u[i];
            }
        }
        Arrays.parallelSort(all);
        float[] out = new float[n + 1];
        for (int i = 1; i <= n; i++) {
            out[i] = all[(int) Math.max(0, (long) all.length * i / n - 1)];
        }
        return out;
    }

    private float[] threshold(int l, Site site) {
        return thresholds == null ? null : thresholds.get(l, site);
    }

    /** One layer from {@code hidden[l]} to {@code out}; without an {@code out} up to the input of down, uncounted. */
    private void layer(int l, float[] out) {
        Layer w = weights.layer(l);
        boolean count = out != null;
        norm(hidden[l], w.attnNorm, x);
        project(l, Site.Q_IN, Projection.Q, x, ldD, c.embedding(), q, ldQ, c.queryWidth(), count);
        project(l, Site.K_IN, Projection.K, x, ldD, c.embedding(), k, ldK, c.keyWidth(), count);
        project(l, Site.V_IN, Projection.V, x, ldD, c.embedding(), v, ldV, c.valueWidth(), count);
        attention.forward(q, k, v, o);
        project(l, Site.O_IN, Projection.O, o, ldA, c.attentionWidth(), mid, ldD, c.embedding(), count);
        byRows((r0, r1) -> {
            for (int i = r0 * ldD; i < r1 * ldD; i++) {
                mid[i] += hidden[l][i];
            }
        });
        norm(mid, w.ffnNorm, y);
        project(l, Site.GATE_IN, Projection.GATE, y, ldD, c.embedding(), gate, ldF, c.feedForward(), count);
        project(l, Site.UP_IN, Projection.UP, y, ldD, c.embedding(), up, ldF, c.feedForward(), false);
        System.arraycopy(kept, 0, keptUp, 0, rows);
        byRows((r0, r1) -> {
            System.arraycopy(gate, r0 * ldF, act, r0 * ldF, (r1 - r0) * ldF);
            if (relu) {
                for (int i = r0 * ldF; i < r1 * ldF; i++) {
                    act[i] = Math.max(gate[i], 0f);
                }
            } else {
                products.product.silu(act, r0 * ldF, (r1 - r0) * ldF);
            }
        });
        mask(act, ldF, c.feedForward(), threshold(l, Site.FFN_ACT), product);
        System.arraycopy(kept, 0, keptAct, 0, rows);
        byRows((r0, r1) -> {
            for (int i = r0 * ldF; i < r1 * ldF; i++) {
                product[i] *= up[i];
            }
        });
        if (out == null) {
            return;
        }
        float[] t = threshold(l, Site.DOWN_IN);
        mask(product, ldF, c.feedForward(), t, masked);
        products.forward(masked, ldF, rows, w.matrix(Projection.DOWN), c.embedding(), c.feedForward(), out, ldD, false);
        bias(out, ldD, w.bias(Projection.DOWN));
        byRows((r0, r1) -> {
            for (int i = r0 * ldD; i < r1 * ldD; i++) {
                out[i] += mid[i];
            }
        });
        for (int r = 0; r < rows; r++) {
            int down = t == null ? keptAct[r] : kept[r];
            used += (double) keptUp[r] * keptAct[r] + (double) down * c.embedding();
            keptShare[Site.UP_IN.ordinal()] += keptUp[r];
            keptShare[Site.FFN_ACT.ordinal()] += keptAct[r];
            keptShare[Site.DOWN_IN.ordinal()] += down;
        }
    }

    private void project(
            int l, Site site, Projection p, float[] in, int ldIn, int width, float[] out, int ldOut, int outputs,
            boolean count) {
        Layer w = weights.layer(l);
        float[] t = threshold(l, site);
        mask(in, ldIn, width, t, masked);
        products.forward(t == null ? in : masked, ldIn, rows, w.matrix(p), outputs, width, out, ldOut, false);
        bias(out, ldOut, w.bias(p));
        if (count) {
            long all = 0;
            for (int r = 0; r < rows; r++) {
                all += kept[r];
            }
            used += (double) all * outputs;
            keptShare[site.ordinal()] += all;
        }
    }

    private void layerBackward(int l, float[] dh, SiteListener listener) {
        Layer w = weights.layer(l);
        int d = c.embedding();
        int f = c.feedForward();
        products.backward(dh, ldD, rows, w.matrix(Projection.DOWN), d, f, f1, ldF, false);
        listener.site(l, Site.DOWN_IN, product, f1, rows, f, ldF);
        float[] tAct = threshold(l, Site.FFN_ACT);
        float[] tDown = threshold(l, Site.DOWN_IN);
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                for (int i = 0; i < f; i++) {
                    int at = r * ldF + i;
                    float p = act[at] * up[at];
                    float dp = tDown == null || Math.abs(p) > tDown[i] ? f1[at] : 0f;
                    boolean on = tAct == null || Math.abs(act[at]) > tAct[i];
                    f2[at] = dp * up[at];
                    f3[at] = on ? dp * act[at] : 0f;
                }
            }
        });
        listener.site(l, Site.FFN_ACT, act, f2, rows, f, ldF);
        maskGradient(f2, act, ldF, f, tAct);
        byRows((r0, r1) -> {
            if (relu) {
                for (int i = r0 * ldF; i < r1 * ldF; i++) {
                    f2[i] = gate[i] > 0 ? f2[i] : 0f;
                }
                return;
            }
            for (int i = r0 * ldF; i < r1 * ldF; i++) {
                f1[i] = -gate[i];
            }
            products.product.exponentials(f1, r0 * ldF, (r1 - r0) * ldF, 0f);
            for (int i = r0 * ldF; i < r1 * ldF; i++) {
                float s = 1f / (1f + f1[i]);
                f2[i] *= s * (1f + gate[i] * (1f - s));
            }
        });
        backwardProject(l, Site.UP_IN, Projection.UP, f3, ldF, f, y, ldD, d, d1, listener);
        backwardProject(l, Site.GATE_IN, Projection.GATE, f2, ldF, f, y, ldD, d, d2, listener);
        add(d1, d2, ldD);
        normBackward(mid, w.ffnNorm, d1, dh);
        backwardProject(l, Site.O_IN, Projection.O, dh, ldD, d, o, ldA, c.attentionWidth(), d1, listener);
        attention.backward(q, k, v, d1, dq, dk, dv);
        backwardProject(l, Site.Q_IN, Projection.Q, dq, ldQ, c.queryWidth(), x, ldD, d, d1, listener);
        backwardProject(l, Site.K_IN, Projection.K, dk, ldK, c.keyWidth(), x, ldD, d, d2, listener);
        add(d1, d2, ldD);
        backwardProject(l, Site.V_IN, Projection.V, dv, ldV, c.valueWidth(), x, ldD, d, d2, listener);
        add(d1, d2, ldD);
        normBackward(hidden[l], w.attnNorm, d1, dh);
    }

    private void backwardProject(
            int l, Site site, Projection p, float[] dy, int ldy, int outputs, float[] values, int ld, int width,
            float[] dx, SiteListener listener) {
        products.backward(dy, ldy, rows, weights.layer(l).matrix(p), outputs, width, dx, ld, false);
        listener.site(l, site, values, dx, rows, width, ld);
        maskGradient(dx, values, ld, width, threshold(l, site));
    }

    /** Work on rows {@code r0 … r1-1}. */
    private interface RowTask {
        void run(int r0, int r1);
    }

    private void byRows(RowTask task) {
        workers.run(rows, (from, to, worker) -> task.run(from, to));
    }

    private void add(float[] a, float[] b, int ld) {
        byRows((r0, r1) -> {
            for (int i = r0 * ld; i < r1 * ld; i++) {
                a[i] += b[i];
            }
        });
    }

    private void bias(float[] a, int ld, float[] b) {
        if (b != null) {
            byRows((r0, r1) -> {
                for (int r = r0; r < r1; r++) {
                    for (int i = 0; i < b.length; i++) {
                        a[r * ld + i] += b[i];
                    }
                }
            });
        }
    }

    /** Copies with entries at or below their thresholds zeroed; leaves each row's number of kept ones in {@link #kept}. */
    private void mask(float[] in, int ld, int width, float[] t, float[] out) {
        if (t == null) {
            Arrays.fill(kept, width);
            if (out != masked || in == product) {
                System.arraycopy(in, 0, out, 0, rows * ld);
            }
            return;
        }
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                kept[r] = products.product.mask(in, r * ld, t, width, out, r * ld);
            }
        });
    }

    private void maskGradient(float[] g, float[] values, int ld, int width, float[] t) {
        if (t != null) {
            byRows((r0, r1) -> {
                for (int r = r0; r < r1; r++) {
                    for (int i = 0; i < width; i++) {
                        g[r * ld + i] = Math.abs(values[r * ld + i]) > t[i] ? g[r * ld + i] : 0f;
                    }
                }
            });
        }
    }

    private void norm(float[] in, float[] w, float[] out) {
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                float s = scale(in, r * ldD);
                for (int i = 0; i < w.length; i++) {
                    out[r * ldD + i] = in[r * ldD + i] * s * w[i];
                }
            }
        });
    }

    private float scale(float[] in, int at) {
        double sum = 0;
        for (int i = 0; i < c.embedding(); i++) {
            sum += (double) in[at + i] * in[at + i];
        }
        return (float) (1 / Math.sqrt(sum / c.embedding() + c.normEpsilon()));
    }

    /** {@code dh += s (w dy - h s² mean(w dy h))}, {@code s} the row's scale. */
    private void normBackward(float[] h, float[] w, float[] dy, float[] dh) {
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                int at = r * ldD;
                float s = scale(h, at);
                double dot = 0;
                for (int i = 0; i < w.length; i++) {
                    dot += (double) w[i] * dy[at + i] * h[at + i];
                }
                float b = (float) (dot / w.length * s * s);
                for (int i = 0; i < w.length; i++) {
                    dh[at + i] += s * (w[i] * dy[at + i] - h[at + i] * b);
                }
            }
        });
    }
}
