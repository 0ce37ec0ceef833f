package dev.gambit.engine.internal.model;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.sparsity.Site;

/**
 * The hyperparameters of a {@code llama} model, read and checked from a GGUF file.
 *
 * @param layers {@code block_count}
 * @param embedding {@code embedding_length}, n_embd
 * @param feedForward {@code feed_forward_length}, n_ff
 * @param heads {@code attention.head_count}
 * @param kvHeads {@code attention.head_count_kv}
 * @param keyLength dimensions of a head's query and key
 * @param valueLength dimensions of a head's value
 * @param vocabulary number of tokens
 * @param trainedContext {@code context_length}
 * @param normEpsilon {@code attention.layer_norm_rms_epsilon}
 * @param ropeDimensions dimensions of a head that are rotated
 * @param ropeBase {@code rope.freq_base}
 * @param ropeScale factor on positions: 1 / {@code rope.scaling.factor} where the scaling is linear
 * @param activation of the FFN's gate
 */
public record ModelConfig(
        int layers,
        int embedding,
        int feedForward,
        int heads,
        int kvHeads,
        int keyLength,
        int valueLength,
        int vocabulary,
        int trainedContext,
        float normEpsilon,
        int ropeDimensions,
        float ropeBase,
        float ropeScale,
        Activation activation) {

    /** What the gate passes through. */
    public enum Activation {
        /** {@code x / (1 + e^-x)}. */
        SILU,
        /** {@code max(x, 0)}: most entries are exact zeros in models trained for it. */
        RELU
    }

    /** The key that names the activation, where it is not SiLU; Gambit's own, for GGUF has none. */
    public static final String ACTIVATION_KEY = "llama.hidden_act";

    /** A model whose activation is SiLU. */
    public ModelConfig(
            int layers, int embedding, int feedForward, int heads, int kvHeads, int keyLength, int valueLength,
            int vocabulary, int trainedContext, float normEpsilon, int ropeDimensions, float ropeBase,
            float ropeScale) {
        this(layers, embedding, feedForward, heads, kvHeads, keyLength, valueLength, vocabulary, trainedContext,
                normEpsilon, ropeDimensions, ropeBase, ropeScale, Activation.SILU);
    }

    private static final int MAX = 1 << 24;

    /** Reads and checks the hyperparameters and the tensors' shapes. */
    public static ModelConfig of(GgufFile file) {
        GgufMetadata m = file.metadata();
        String type = m.string("general.type", "model");
        if (!type.equals("model")) {
            throw new ModelFormatException(
                    GambitException.line(m.source() + ": general.type", "model", type, "pass the model file with -m"));
        }
        String arch = m.requireString("general.architecture");
        if (!arch.equals("llama")) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": general.architecture", "llama", arch, "this architecture is not supported yet"));
        }
        if (m.optionalInt("llama.expert_count", 0, MAX, 0) > 0) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": llama.expert_count",
                    "0",
                    m.integer("llama.expert_count", 0),
                    "mixture-of-experts models are not supported yet"));
        }
        int embedding = m.requireInt("llama.embedding_length", 1, MAX);
        int heads = m.requireInt("llama.attention.head_count", 1, MAX);
        int kvHeads = m.optionalInt("llama.attention.head_count_kv", 1, heads, heads);
        if (heads % kvHeads != 0) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": llama.attention.head_count_kv",
                    "a divisor of " + heads,
                    kvHeads,
                    "the file is damaged or not of this kind"));
        }
        int keyLength = m.optionalInt("llama.attention.key_length", 1, MAX, Math.max(1, embedding / heads));
        int valueLength = m.optionalInt("llama.attention.value_length", 1, MAX, Math.max(1, embedding / heads));
        GgufTensor tokens = file.require("token_embd.weight");
        ModelConfig config = new ModelConfig(
                m.requireInt("llama.block_count", 1, 10_000),
                embedding,
                m.requireInt("llama.feed_forward_length", 1, MAX),
                heads,
                kvHeads,
                keyLength,
                valueLength,
                tokens.rows(),
                m.requireInt("llama.context_length", 1, Integer.MAX_VALUE),
                epsilon(m),
                m.optionalInt("llama.rope.dimension_count", 2, keyLength, keyLength),
                positive(m, "llama.rope.freq_base", 10_000),
                ropeScale(m),
                activation(m));
        config.checkShapes(file);
        return config;
    }

    private static float epsilon(GgufMetadata m) {
        double eps = m.real("llama.attention.layer_norm_rms_epsilon", Double.NaN);
        if (!(eps > 0 && eps < 1)) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": llama.attention.layer_norm_rms_epsilon",
                    "a number between 0 and 1",
                    m.has("llama.attention.layer_norm_rms_epsilon") ? eps : "none",
                    "the file is incomplete or damaged"));
        }
        return (float) eps;
    }

    private static float positive(GgufMetadata m, String key, double fallback) {
        double value = m.real(key, fallback);
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new ModelFormatException(
                    GambitException.line(m.source() + ": " + key, "a positive number", value, "the file is damaged"));
        }
        return (float) value;
    }

    private static Activation activation(GgufMetadata m) {
        String name = m.string(ACTIVATION_KEY, "silu");
        return switch (name) {
            case "silu" -> Activation.SILU;
            case "relu" -> Activation.RELU;
            default ->
                throw new ModelFormatException(GambitException.line(
                        m.source() + ": " + ACTIVATION_KEY, "silu or relu", name,
                        "this activation is not supported yet"));
        };
    }

    private static float ropeScale(GgufMetadata m) {
        String type = m.string("llama.rope.scaling.type", "none");
        return switch (type) {
            case "none" -> 1f / positive(m, "llama.rope.scale_linear", 1);
            case "linear" -> 1f / positive(m, "llama.rope.scaling.factor", 1);
            default ->
                throw new ModelFormatException(GambitException.line(
                        m.source() + ": llama.rope.scaling.type",
                        "none or linear",
                        type,
                        "this scaling is not supported yet"));
        };
    }

    /** Entries of all heads' queries. */
    public int queryWidth() {
        return heads * keyLength;
    }

    /** Entries of all key–value heads' keys. */
    public int keyWidth() {
        return kvHeads * keyLength;
    }

    /** Entries of all key–value heads' values. */
    public int valueWidth() {
        return kvHeads * valueLength;
    }

    /** Entries of the attention output: all heads' values side by side. */
    public int attentionWidth() {
        return heads * valueLength;
    }

    /** Returns the channels of a site. */
    public int channels(Site site) {
        return switch (site) {
            case Q_IN, K_IN, V_IN, GATE_IN, UP_IN -> embedding;
            case O_IN -> attentionWidth();
            case FFN_ACT, DOWN_IN -> feedForward;
        };
    }

    private void checkShapes(GgufFile file) {
        if (ropeDimensions % 2 != 0) {
            throw new ModelFormatException(GambitException.line(
                    file.metadata().source() + ": llama.rope.dimension_count",
                    "an even number",
                    ropeDimensions,
                    "the file is damaged"));
        }
        check(file, "token_embd.weight", embedding, vocabulary);
        check(file, "output_norm.weight", embedding);
        checkOptional(file, "output.weight", embedding, vocabulary);
        checkOptional(file, "rope_freqs.weight", ropeDimensions / 2);
        // As longs: a product that overflows must not look like the shape that is there.
        long queries = (long) heads * keyLength;
        long keys = (long) kvHeads * keyLength;
        long values = (long) kvHeads * valueLength;
        long attention = (long) heads * valueLength;
        for (int i = 0; i < layers; i++) {
            String b = "blk." + i + ".";
            check(file, b + "attn_norm.weight", embedding);
            check(file, b + "attn_q.weight", embedding, queries);
            check(file, b + "attn_k.weight", embedding, keys);
            check(file, b + "attn_v.weight", embedding, values);
            check(file, b + "attn_output.weight", attention, embedding);
            check(file, b + "ffn_norm.weight", embedding);
            check(file, b + "ffn_gate.weight", embedding, feedForward);
            check(file, b + "ffn_up.weight", embedding, feedForward);
            check(file, b + "ffn_down.weight", feedForward, embedding);
            checkOptional(file, b + "attn_q.bias", queries);
            checkOptional(file, b + "attn_k.bias", keys);
            checkOptional(file, b + "attn_v.bias", values);
            checkOptional(file, b + "attn_output.bias", embedding);
            checkOptional(file, b + "ffn_gate.bias", feedForward);
            checkOptional(file, b + "ffn_up.bias", feedForward);
            checkOptional(file, b + "ffn_down.bias", embedding);
        }
    }

    private static void checkOptional(GgufFile file, String name, long... shape) {
        if (file.find(name) != null) {
            check(file, name, shape);
        }
    }

    private static void check(GgufFile file, String name, long... shape) {
        GgufTensor t = file.require(name);
        long[] found = t.shape();
        boolean same = found.length >= shape.length;
        for (int i = 0; same && i < found.length; i++) {
            same = found[i] == (i < shape.length ? shape[i] : 1);
        }
        if (!same) {
            throw new ModelFormatException(GambitException.line(
                    file.metadata().source() + ": tensor " + name,
                    "shape " + java.util.Arrays.toString(shape),
                    java.util.Arrays.toString(found),
                    "the file is damaged or not of this kind"));
        }
    }
}
