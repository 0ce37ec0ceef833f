package dev.gambit.engine.testing;

import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;

/**
 * One forward pass of a {@code llama} model as its equations stand, in double precision, with masks at the eight sites.
 * Nothing is shared with the engine but the reader of files: the oracle for everything in between.
 */
public final class ReferenceForward {

    /** Says which entries of a site's vectors are kept. */
    @FunctionalInterface
    public interface Masks {

        /** No masks. */
        Masks NONE = (layer, site, vectors) -> null;

        /** Returns a threshold a channel, or null for no mask; {@code vectors} are {@code [tokens][channels]}. */
        float[] thresholds(int layer, Site site, double[][] vectors);

        /** Masks with these thresholds. */
        static Masks of(Thresholds t) {
            return (layer, site, vectors) -> t.get(layer, site);
        }
    }

    private final GgufFile file;
    private final int layers;
    private final int embedding;
    private final int heads;
    private final int kvHeads;
    private final int keyLength;
    private final int valueLength;
    private final double epsilon;
    private final int ropeDimensions;
    private final double ropeBase;
    private final double ropeFactor;

    private long[][] kept;
    private double smallestMargin;
    private boolean withoutFfn;

    /**
     * @param file a model; has to stay open
     */
    public ReferenceForward(GgufFile file) {
        this.file = file;
        GgufMetadata m = file.metadata();
        layers = (int) m.integer("llama.block_count", 0);
        embedding = (int) m.integer("llama.embedding_length", 0);
        heads = (int) m.integer("llama.attention.head_count", 0);
        kvHeads = (int) m.integer("llama.attention.head_count_kv", heads);
        keyLength = (int) m.integer("llama.attention.key_length", embedding / heads);
        valueLength = (int) m.integer("llama.attention.value_length", embedding / heads);
        epsilon = (float) m.real("llama.attention.layer_norm_rms_epsilon", 0);
        ropeDimensions = (int) m.integer("llama.rope.dimension_count", keyLength);
        ropeBase = m.real("llama.rope.freq_base", 10_000);
        ropeFactor = m.string("llama.rope.scaling.type", "none").equals("linear")
                ? m.real("llama.rope.scaling.factor", 1)
                : 1;
    }

    /** Leaves out what the FFNs add. */
    public ReferenceForward withoutFfn() {
        withoutFfn = true;
        return this;
    }

    /** Returns the channels kept at a site in the last pass, over all tokens. */
    public long kept(int layer, Site site) {
        return kept[layer][site.ordinal()];
    }

    /** Returns the smallest distance between an entry and its threshold in the last pass. */
    public double smallestMargin() {
        return smallestMargin;
    }

    /** Returns the logits behind each token, {@code [tokens][vocabulary]}. */
    public double[][] logits(int[] tokens, Masks masks) {
        kept = new long[layers][Site.COUNT];
        smallestMargin = Double.POSITIVE_INFINITY;
        double[][] x = new double[tokens.length][];
        float[][] table = matrix("token_embd.weight");
        for (int t = 0; t < tokens.length; t++) {
            x[t] = new double[embedding];
            for (int i = 0; i < embedding; i++) {
                x[t][i] = table[tokens[t]][i];
            }
        }
        for (int l = 0; l < layers; l++) {
            attention(l, x, masks);
            if (!withoutFfn) {
                feedForward(l, x, masks);
            }
        }
        float[][] head = file.find("output.weight") == null ? table : matrix("output.weight");
        return product(head, null, norm(x, "output_norm.weight"));
    }

    private void attention(int l, double[][] x, Masks masks) {
        String b = "blk." + l + ".";
        double[][] in = norm(x, b + "attn_norm.weight");
        double[][] q = project(b + "attn_q", mask(l, Site.Q_IN, in, masks));
        double[][] k = project(b + "attn_k", mask(l, Site.K_IN, in, masks));
        double[][] v = project(b + "attn_v", mask(l, Site.V_IN, in, masks));
        double[][] out = new double[x.length][heads * valueLength];
        for (int t = 0; t < x.length; t++) {
            rotate(q[t], heads, t);
            rotate(k[t], kvHeads, t);
        }
        for (int t = 0; t < x.length; t++) {
            for (int h = 0; h < heads; h++) {
                attend(q[t], k, v, t, h, out[t]);
            }
        }
        add(x, project(b + "attn_output", mask(l, Site.O_IN, out, masks)));
    }

    /** Softmax of a head's scores over the positions up to its own, and the values weighted with it. */
    private void attend(double[] q, double[][] k, double[][] v, int position, int head, double[] out) {
        int kvHead = head * kvHeads / heads;
        double[] score = new double[position + 1];
        double max = Double.NEGATIVE_INFINITY;
        for (int p = 0; p <= position; p++) {
            for (int d = 0; d < keyLength; d++) {
                score[p] += q[head * keyLength + d] * k[p][kvHead * keyLength + d];
            }
            score[p] /= Math.sqrt(keyLength);
            max = Math.max(max, score[p]);
        }
        double sum = 0;
        for (int p = 0; p <= position; p++) {
            score[p] = Math.exp(score[p] - max);
            sum += score[p];
        }
        for (int p = 0; p <= position; p++) {
            for (int d = 0; d < valueLength; d++) {
                out[head * valueLength + d] += score[p] / sum * v[p][kvHead * valueLength + d];
            }
        }
    }

    /** Turns pairs of neighbours by {@code position / factor · base^(-2i/d) / factor_i}. */
    private void rotate(double[] x, int count, int position) {
        float[] factors = vector("rope_freqs.weight");
        for (int h = 0; h < count; h++) {
            for (int i = 0; i < ropeDimensions; i += 2) {
                double angle = position / ropeFactor * Math.pow(ropeBase, -(double) i / ropeDimensions);
                angle /= factors == null ? 1 : factors[i / 2];
                int at = h * keyLength + i;
                double a = x[at];
                double c = x[at + 1];
                x[at] = a * Math.cos(angle) - c * Math.sin(angle);
                x[at + 1] = a * Math.sin(angle) + c * Math.cos(angle);
            }
        }
    }

    private void feedForward(int l, double[][] x, Masks masks) {
        String b = "blk." + l + ".";
        double[][] in = norm(x, b + "ffn_norm.weight");
        double[][] act = project(b + "ffn_gate", mask(l, Site.GATE_IN, in, masks));
        double[][] up = project(b + "ffn_up", mask(l, Site.UP_IN, in, masks));
        for (double[] row : act) {
            for (int i = 0; i < row.length; i++) {
                row[i] /= 1 + Math.exp(-row[i]);
            }
        }
        act = mask(l, Site.FFN_ACT, act, masks);
        for (int t = 0; t < x.length; t++) {
            for (int i = 0; i < act[t].length; i++) {
                act[t][i] *= up[t][i];
            }
        }
        add(x, project(b + "ffn_down", mask(l, Site.DOWN_IN, act, masks)));
    }

    /** Keeps entries above their thresholds, and counts them. */
    private double[][] mask(int layer, Site site, double[][] x, Masks masks) {
        float[] t = masks.thresholds(layer, site, x);
        double[][] out = new double[x.length][];
        for (int r = 0; r < x.length; r++) {
            out[r] = x[r].clone();
            for (int i = 0; i < out[r].length; i++) {
                if (t != null && x[r][i] != 0) { // an exact zero is below any threshold
                    smallestMargin = Math.min(smallestMargin, Math.abs(Math.abs(x[r][i]) - t[i]));
                }
                if (t != null && !(Math.abs(x[r][i]) > t[i])) {
                    out[r][i] = 0;
                } else {
                    kept[layer][site.ordinal()]++;
                }
            }
        }
        return out;
    }

    private double[][] project(String name, double[][] x) {
        return product(matrix(name + ".weight"), vector(name + ".bias"), x);
    }

    private static double[][] product(float[][] w, float[] bias, double[][] x) {
        double[][] y = new double[x.length][w.length];
        for (int r = 0; r < x.length; r++) {
            for (int o = 0; o < w.length; o++) {
                double sum = bias == null ? 0 : bias[o];
                for (int i = 0; i < x[r].length; i++) {
                    sum += x[r][i] * w[o][i];
                }
                y[r][o] = sum;
            }
        }
        return y;
    }

    private double[][] norm(double[][] x, String name) {
        float[] weight = vector(name);
        double[][] out = new double[x.length][embedding];
        for (int r = 0; r < x.length; r++) {
            double sum = 0;
            for (double v : x[r]) {
                sum += v * v;
            }
            for (int i = 0; i < embedding; i++) {
                out[r][i] = x[r][i] / Math.sqrt(sum / embedding + epsilon) * weight[i];
            }
        }
        return out;
    }

    private static void add(double[][] x, double[][] y) {
        for (int r = 0; r < x.length; r++) {
            for (int i = 0; i < x[r].length; i++) {
                x[r][i] += y[r][i];
            }
        }
    }

    private float[][] matrix(String name) {
        GgufTensor t = file.require(name);
        float[][] out = new float[t.rows()][t.columns()];
        try (Arena arena = Arena.ofConfined()) {
            var data = file.map(t, arena);
            for (int r = 0; r < out.length; r++) {
                Dequantizer.row(t.type(), data, r, t.columns(), out[r], 0);
            }
        }
        return out;
    }

    private float[] vector(String name) {
        return file.find(name) == null ? null : matrix(name)[0];
    }
}
