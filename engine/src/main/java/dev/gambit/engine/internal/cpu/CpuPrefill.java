package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import dev.gambit.engine.sparsity.Site;
import java.util.Arrays;

/**
 * The steps for several positions at once: blocked matrix products over panels of 64 outputs that are turned into floats
 * once a batch. Nothing is skipped here, reading is shared by all positions; masked entries are zeros.
 */
final class CpuPrefill {

    /** Inputs a panel covers at a time: 512 × 64 floats stay in a core's second-level cache. */
    private static final int PANEL_INPUTS = 512;
    /** Rows a task takes where rows are the unit of work. */
    private static final int ROW_BLOCK = 64;

    private static final int TILE = PackedMatrix.TILE;

    private final ModelConfig config;
    private final CpuWeights weights;
    private final Kernels kernels;
    private final WorkerTeam team;
    private final Rope rope;
    private final float[][] panels;
    private final float[][] tiles;
    private float[][] scores;

    private final int ldHidden;
    private final int ldQ;
    private final int ldK;
    private final int ldV;
    private final int ldAttention;
    private final int ldFeedForward;
    private int rows;
    private float[] hidden = new float[0];
    private float[] normed;
    private float[] masked;
    private float[] q;
    private float[] k;
    private float[] v;
    private float[] attention;
    private float[] act;
    private float[] up;
    private int[] keptInputs;
    private int[] keptActivations;
    private int[] keptDown;

    CpuPrefill(ModelConfig config, CpuWeights weights, Kernels kernels, WorkerTeam team, Rope rope) {
        this.config = config;
        this.weights = weights;
        this.kernels = kernels;
        this.team = team;
        this.rope = rope;
        ldHidden = pad(config.embedding());
        ldQ = pad(config.queryWidth());
        ldK = pad(config.keyWidth());
        ldV = pad(config.valueWidth());
        ldAttention = pad(config.attentionWidth());
        ldFeedForward = pad(config.feedForward());
        panels = new float[team.size()][];
        tiles = new float[team.size()][];
        scores = new float[team.size()][0];
    }

    private static int pad(int n) {
        return (n + TILE - 1) / TILE * TILE;
    }

    private void reserve(int n) {
        if (n * ldHidden <= hidden.length) {
            return;
        }
        hidden = new float[n * ldHidden];
        normed = new float[n * ldHidden];
        masked = new float[n * Math.max(ldHidden, ldAttention)];
        q = new float[n * ldQ];
        k = new float[n * ldK];
        v = new float[n * ldV];
        attention = new float[n * ldAttention];
        act = new float[n * ldFeedForward];
        up = new float[n * ldFeedForward];
        keptInputs = new int[n];
        keptActivations = new int[n];
        keptDown = new int[n];
    }

    void embed(Batch b) {
        rows = b.count();
        reserve(rows);
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                weights.embedding(b.tokens()[r], hidden, r * ldHidden);
            }
        });
    }

    /** Work on rows {@code r0 … r1-1}. */
    @FunctionalInterface
    private interface RowTask {
        void run(int r0, int r1);
    }

    private void byRows(RowTask task) {
        int block = Math.max(1, Math.min(ROW_BLOCK, (rows + 4 * team.size() - 1) / (4 * team.size())));
        team.run((rows + block - 1) / block, (t, worker) -> task.run(t * block, Math.min(rows, (t + 1) * block)));
    }

    private float[] panel(int worker) {
        if (panels[worker] == null) {
            panels[worker] = new float[Math.max(PANEL_INPUTS, config.keyLength()) * TILE];
            tiles[worker] = new float[ROW_BLOCK * TILE];
        }
        return panels[worker];
    }

    /** Multiplies rows {@code r0 … r1-1} of {@code x} with one tile of a matrix. */
    private void tile(
            PackedMatrix w, int t, float[] x, int ldx, int r0, int r1, float[] y, int yo, int ldy, boolean add,
            int worker) {
        float[] panel = panel(worker);
        for (int i = 0; i < w.inputs; i += PANEL_INPUTS) {
            int end = Math.min(w.inputs, i + PANEL_INPUTS);
            kernels.dequantise(w, t, i, end, panel);
            kernels.gemm(x, r0 * ldx + i, ldx, r1 - r0, end - i, panel, y, r0 * ldy + yo, ldy, add || i > 0);
        }
    }

    /** Multiplies all rows with whole matrices, tile by tile; rows are split where there are few tiles. */
    private void multiply(PackedMatrix w, float[] x, int ldx, float[] y, int ldy, boolean add) {
        int parts = w.tiles() >= 8 * team.size() ? 1 : Math.max(1, Math.min(4, rows / 96));
        int rowsPerPart = (rows + parts - 1) / parts;
        team.run(w.tiles() * parts, (task, worker) -> {
            int t = task / parts;
            int r0 = task % parts * rowsPerPart;
            int r1 = Math.min(rows, r0 + rowsPerPart);
            if (r0 < r1) {
                tile(w, t, x, ldx, r0, r1, y, t * TILE, ldy, add, worker);
            }
        });
    }

    private void addBias(float[] y, int ld, float[] bias) {
        if (bias != null) {
            byRows((r0, r1) -> {
                for (int r = r0; r < r1; r++) {
                    kernels.add(y, r * ld, bias, 0, bias.length);
                }
            });
        }
    }

    private void norm(float[] weight) {
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                kernels.rmsNorm(
                        hidden, r * ldHidden, config.embedding(), weight, config.normEpsilon(), normed, r * ldHidden);
            }
        });
    }

    private static float[] thresholds(Batch b, int layer, Site site) {
        return b.thresholds() == null ? null : b.thresholds().get(layer, site);
    }

    /**
     * Returns {@code x} with the entries below a site's thresholds zeroed, in {@link #masked}, or {@code x} itself where the
     * site is dense; leaves each row's number of kept entries in {@link #keptInputs}.
     */
    private float[] mask(Batch b, int layer, Site site, float[] x, int ld, int width) {
        float[] t = thresholds(b, layer, site);
        if (t == null) {
            Arrays.fill(keptInputs, 0, rows, width);
            return x;
        }
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                keptInputs[r] = kernels.mask(x, r * ld, t, 0, width, masked, r * ld);
            }
        });
        if (b.counter() != null) {
            b.counter().site(layer, site, total(keptInputs), (long) rows * width);
        }
        return masked;
    }

    private long total(int[] counts) {
        long sum = 0;
        for (int r = 0; r < rows; r++) {
            sum += counts[r];
        }
        return sum;
    }

    private void project(Batch b, int layer, Site site, PackedMatrix w, float[] y, int ldy, float[] bias) {
        float[] x = mask(b, layer, site, normed, ldHidden, config.embedding());
        multiply(w, x, ldHidden, y, ldy, false);
        addBias(y, ldy, bias);
        count(b, total(keptInputs) * w.outputs, w);
    }

    private void count(Batch b, long used, PackedMatrix w) {
        if (b.counter() != null) {
            b.counter().weights(used, (long) rows * w.inputs * w.outputs);
        }
    }

    void qkv(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        norm(l.attnNorm);
        listen(b, layer, ActivationListener.Vector.ATTN_IN, normed, config.embedding(), ldHidden);
        project(b, layer, Site.Q_IN, l.q, q, ldQ, l.qBias);
        project(b, layer, Site.K_IN, l.k, k, ldK, l.kBias);
        project(b, layer, Site.V_IN, l.v, v, ldV, l.vBias);
        KvLayer kv = ((CpuKvCache) b.cache()).layers[layer];
        byRows((r0, r1) -> {
            float[] cos = new float[rope.pairs()];
            float[] sin = new float[rope.pairs()];
            for (int r = r0; r < r1; r++) {
                int position = b.start() + r;
                rope.angles(position, cos, sin);
                for (int h = 0; h < config.heads(); h++) {
                    rope.rotate(q, r * ldQ + h * config.keyLength(), cos, sin);
                }
                for (int h = 0; h < config.kvHeads(); h++) {
                    int ko = r * ldK + h * config.keyLength();
                    rope.rotate(k, ko, cos, sin);
                    kv.put(h, position, k, ko, v, r * ldV + h * config.valueLength());
                }
            }
        });
    }

    private void listen(
            Batch b, int layer, ActivationListener.Vector vector, float[] x, int width, int stride) {
        if (b.listener() != null) {
            b.listener().activation(layer, vector, x, rows, width, stride);
        }
    }

    void attend(int layer, Batch b) {
        KvLayer kv = ((CpuKvCache) b.cache()).layers[layer];
        int blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
        int ld = pad(b.start() + rows);
        for (int w = 0; w < scores.length; w++) {
            if (scores[w].length < ROW_BLOCK * ld) {
                scores[w] = new float[ROW_BLOCK * ld];
            }
        }
        // The last rows attend to most positions, so they are handed out first.
        team.run(config.heads() * blocks, (task, worker) -> {
            int r0 = (blocks - 1 - task / config.heads()) * ROW_BLOCK;
            attendBlock(kv, task % config.heads(), b.start(), r0, Math.min(rows, r0 + ROW_BLOCK), ld, worker);
        });
        listen(b, layer, ActivationListener.Vector.ATTN_OUT, attention, config.attentionWidth(), ldAttention);
    }

    private void attendBlock(KvLayer kv, int head, int start, int r0, int r1, int ld, int worker) {
        int kvHead = head / (config.heads() / config.kvHeads());
        int n = config.keyLength();
        int m = r1 - r0;
        int positions = start + r1;
        float[] panel = panel(worker);
        float[] s = scores[worker];
        for (int p = 0; p < positions; p += TILE) {
            int end = Math.min(positions, p + TILE);
            kernels.keyPanel(kv, kvHead, p, end, panel);
            kernels.gemm(q, r0 * ldQ + head * n, ldQ, m, n, panel, s, p, ld, false);
        }
        float scale = (float) (1 / Math.sqrt(n));
        for (int r = 0; r < m; r++) {
            softmax(s, r * ld, start + r0 + r + 1, positions, scale);
        }
        float[] out = tiles[worker];
        for (int d = 0; d < config.valueLength(); d += TILE) {
            for (int p = 0; p < positions; p += PANEL_INPUTS) {
                int end = Math.min(positions, p + PANEL_INPUTS);
                kernels.valuePanel(kv, kvHead, p, end, d, panel);
                kernels.gemm(s, p, ld, m, end - p, panel, out, 0, TILE, p > 0);
            }
            int width = Math.min(TILE, config.valueLength() - d);
            for (int r = 0; r < m; r++) {
                int to = (r0 + r) * ldAttention + head * config.valueLength() + d;
                System.arraycopy(out, r * TILE, attention, to, width);
            }
        }
    }

    /** Turns the first {@code valid} scores into weights that sum to one and zeroes those up to {@code all}. */
    private void softmax(float[] s, int at, int valid, int all, float scale) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < valid; i++) {
            s[at + i] *= scale;
            max = Math.max(max, s[at + i]);
        }
        float factor = 1 / kernels.softmaxNumerators(s, at, valid, max);
        for (int i = 0; i < valid; i++) {
            s[at + i] *= factor;
        }
        Arrays.fill(s, at + valid, at + all, 0f);
    }

    void output(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        float[] x = mask(b, layer, Site.O_IN, attention, ldAttention, config.attentionWidth());
        multiply(l.o, x, ldAttention, hidden, ldHidden, true);
        addBias(hidden, ldHidden, l.oBias);
        count(b, total(keptInputs) * l.o.outputs, l.o);
    }

    void ffn(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        norm(l.ffnNorm);
        listen(b, layer, ActivationListener.Vector.FFN_IN, normed, config.embedding(), ldHidden);
        float[] x = mask(b, layer, Site.GATE_IN, normed, ldHidden, config.embedding());
        multiply(l.gate, x, ldHidden, act, ldFeedForward, false);
        addBias(act, ldFeedForward, l.gateBias);
        count(b, total(keptInputs) * l.gate.outputs, l.gate);
        x = mask(b, layer, Site.UP_IN, normed, ldHidden, config.embedding());
        multiply(l.up, x, ldHidden, up, ldFeedForward, false);
        addBias(up, ldFeedForward, l.upBias);
        int n = config.feedForward();
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                ScalarMath.activate(config.activation(), kernels, act, r * ldFeedForward, ldFeedForward);
            }
        });
        listen(b, layer, ActivationListener.Vector.FFN_ACT, act, n, ldFeedForward);
        listen(b, layer, ActivationListener.Vector.FFN_UP, up, n, ldFeedForward);
        float[] actThresholds = thresholds(b, layer, Site.FFN_ACT);
        float[] downThresholds = thresholds(b, layer, Site.DOWN_IN);
        byRows((r0, r1) -> {
            for (int r = r0; r < r1; r++) {
                int at = r * ldFeedForward;
                keptActivations[r] = actThresholds == null ? n : kernels.mask(act, at, actThresholds, 0, n, act, at);
                kernels.multiply(act, at, up, at, n);
                keptDown[r] = downThresholds == null ? keptActivations[r] : kernels.mask(act, at, downThresholds, 0, n,
                        act, at);
            }
        });
        multiply(l.down, act, ldFeedForward, hidden, ldHidden, true);
        addBias(hidden, ldHidden, l.downBias);
        if (b.counter() != null) {
            long upUsed = 0;
            for (int r = 0; r < rows; r++) {
                upUsed += (long) keptInputs[r] * keptActivations[r];
            }
            count(b, upUsed, l.up);
            count(b, total(keptDown) * l.down.outputs, l.down);
            if (actThresholds != null) {
                b.counter().site(layer, Site.FFN_ACT, total(keptActivations), (long) rows * n);
            }
            if (downThresholds != null) {
                b.counter().site(layer, Site.DOWN_IN, total(keptDown), (long) rows * n);
            }
        }
    }

    /** Computes logits of rows {@code from … from+count-1}, {@code [count][vocabulary]}. */
    void logits(int from, int count, float[] out) {
        int vocabulary = config.vocabulary();
        byRows((r0, r1) -> {
            for (int r = Math.max(r0, from); r < Math.min(r1, from + count); r++) {
                kernels.rmsNorm(
                        hidden,
                        r * ldHidden,
                        config.embedding(),
                        weights.outputNorm,
                        config.normEpsilon(),
                        normed,
                        r * ldHidden);
            }
        });
        PackedMatrix w = weights.head;
        team.run(w.tiles(), (t, worker) -> {
            int width = Math.min(TILE, vocabulary - t * TILE);
            if (width == TILE) {
                tile(w, t, normed, ldHidden, from, from + count, out, t * TILE - from * vocabulary, vocabulary, false,
                        worker);
                return;
            }
            float[] last = new float[(from + count) * TILE];
            tile(w, t, normed, ldHidden, from, from + count, last, 0, TILE, false, worker);
            for (int r = 0; r < count; r++) {
                System.arraycopy(last, (from + r) * TILE, out, r * vocabulary + t * TILE, width);
            }
        });
    }

    /** Hands a row's hidden state to the single-position path. */
    void hidden(int row, CpuDecode decode) {
        decode.hidden(hidden, row * ldHidden);
    }
}
