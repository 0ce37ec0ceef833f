package dev.gambit.engine.testing;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.gguf.GgufWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * A {@code llama} model of random weights in a GGUF file: any shape, types by tensor, with what is optional in the
 * architecture. Metadata and tensors can be changed, or taken away, before it is written.
 */
public final class TinyModel {

    /**
     * Hyperparameters under the field's names.
     *
     * @param layers block_count
     * @param embedding n_embd
     * @param feedForward n_ff
     * @param heads query heads
     * @param kvHeads key–value heads
     * @param keyLength head_dim of queries and keys
     * @param valueLength head_dim of values
     */
    public record Shape(
            int layers, int embedding, int feedForward, int heads, int kvHeads, int keyLength, int valueLength) {}

    /**
     * A tensor to write.
     *
     * @param type its type
     * @param shape its dimensions, the contiguous one first
     * @param data its bytes
     */
    public record Tensor(GgmlType type, long[] shape, MemorySegment data) {}

    /** Byte-level tokens and three control tokens: no multiple of 64. */
    public static final int VOCABULARY = 259;

    /** The metadata, by key. */
    public final Map<String, GgufValue> metadata = new LinkedHashMap<>();
    /** The tensors, by name. */
    public final Map<String, Tensor> tensors = new LinkedHashMap<>();

    private final Shape shape;

    /**
     * @param shape the hyperparameters
     * @param types gives a matrix's type by its name
     */
    public TinyModel(Shape shape, Function<String, GgmlType> types) {
        this.shape = shape;
        describe();
        matrix("token_embd.weight", shape.embedding, VOCABULARY, types, 1f);
        norm("output_norm.weight");
        for (int i = 0; i < shape.layers; i++) {
            String b = "blk." + i + ".";
            norm(b + "attn_norm.weight");
            matrix(b + "attn_q.weight", shape.embedding, shape.heads * shape.keyLength, types, 1.5f);
            matrix(b + "attn_k.weight", shape.embedding, shape.kvHeads * shape.keyLength, types, 1.5f);
            matrix(b + "attn_v.weight", shape.embedding, shape.kvHeads * shape.valueLength, types, 1f);
            matrix(b + "attn_output.weight", shape.heads * shape.valueLength, shape.embedding, types, 1f);
            norm(b + "ffn_norm.weight");
            matrix(b + "ffn_gate.weight", shape.embedding, shape.feedForward, types, 1.5f);
            matrix(b + "ffn_up.weight", shape.embedding, shape.feedForward, types, 1f);
            matrix(b + "ffn_down.weight", shape.feedForward, shape.embedding, types, 1f);
        }
    }

    private void describe() {
        set("general.architecture", "llama");
        set("general.name", "tiny");
        set("llama.context_length", 512);
        set("llama.embedding_length", shape.embedding);
        set("llama.block_count", shape.layers);
        set("llama.feed_forward_length", shape.feedForward);
        set("llama.attention.head_count", shape.heads);
        set("llama.attention.head_count_kv", shape.kvHeads);
        set("llama.attention.key_length", shape.keyLength);
        set("llama.attention.value_length", shape.valueLength);
        set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        set("llama.rope.freq_base", 10000f);
        set("tokenizer.ggml.model", "gpt2");
        set("tokenizer.ggml.pre", "smollm");
        String[] tokens = new String[VOCABULARY];
        long[] kinds = new long[VOCABULARY];
        for (int b = 0, extra = 256; b < 256; b++) {
            boolean printable = b > 32 && b < 127 || b > 160 && b != 173;
            tokens[b] = String.valueOf((char) (printable ? b : extra++));
            kinds[b] = 1;
        }
        for (int i = 256; i < VOCABULARY; i++) {
            tokens[i] = new String[] {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}[i - 256];
            kinds[i] = 3;
        }
        set("tokenizer.ggml.tokens", GgufValueType.STRING, tokens);
        set("tokenizer.ggml.token_type", GgufValueType.INT32, kinds);
        set("tokenizer.ggml.merges", GgufValueType.STRING, new String[] {"a b"});
        set("tokenizer.ggml.eos_token_id", 256);
        set("tokenizer.ggml.add_bos_token", false);
    }

    /** Adds a head of its own, so that embeddings are not tied. */
    public TinyModel untied(GgmlType type) {
        matrix("output.weight", shape.embedding, VOCABULARY, name -> type, 1f);
        return this;
    }

    /** Adds biases to all projections. */
    public TinyModel biases() {
        for (int i = 0; i < shape.layers; i++) {
            String b = "blk." + i + ".";
            floats(b + "attn_q.bias", random(shape.heads * shape.keyLength, .3f, i), shape.heads * shape.keyLength);
            int keys = shape.kvHeads * shape.keyLength;
            floats(b + "attn_k.bias", random(keys, .3f, i + 10), keys);
            int values = shape.kvHeads * shape.valueLength;
            floats(b + "attn_v.bias", random(values, .3f, i + 20), values);
            floats(b + "attn_output.bias", random(shape.embedding, .3f, i + 30), shape.embedding);
            floats(b + "ffn_gate.bias", random(shape.feedForward, .3f, i + 40), shape.feedForward);
            floats(b + "ffn_up.bias", random(shape.feedForward, .3f, i + 50), shape.feedForward);
            floats(b + "ffn_down.bias", random(shape.embedding, .3f, i + 60), shape.embedding);
        }
        return this;
    }

    private static float[] random(int count, float magnitude, long seed) {
        return RandomTensor.floats(count, magnitude, seed);
    }

    private void norm(String name) {
        float[] weight = random(shape.embedding, .5f, name.hashCode());
        for (int i = 0; i < weight.length; i++) {
            weight[i] += 1;
        }
        floats(name, weight, shape.embedding);
    }

    private void matrix(String name, int inputs, int outputs, Function<String, GgmlType> types, float gain) {
        GgmlType type = types.apply(name);
        float magnitude = gain * (float) Math.sqrt(3.0 / inputs);
        MemorySegment data = RandomTensor.bytes(type, inputs, outputs, magnitude, name.hashCode());
        tensors.put(name, new Tensor(type, new long[] {inputs, outputs}, data));
    }

    /** Sets a tensor of 32-bit floats. */
    public TinyModel floats(String name, float[] values, long... dimensions) {
        tensors.put(name, new Tensor(GgmlType.F32, dimensions, MemorySegment.ofArray(values)));
        return this;
    }

    /** Sets an UINT32. */
    public TinyModel set(String key, int value) {
        metadata.put(key, new GgufValue(GgufValueType.UINT32, null, (long) value));
        return this;
    }

    /** Sets a FLOAT32. */
    public TinyModel set(String key, float value) {
        metadata.put(key, new GgufValue(GgufValueType.FLOAT32, null, (double) value));
        return this;
    }

    /** Sets a string. */
    public TinyModel set(String key, String value) {
        metadata.put(key, new GgufValue(GgufValueType.STRING, null, value));
        return this;
    }

    private void set(String key, boolean value) {
        metadata.put(key, new GgufValue(GgufValueType.BOOL, null, value));
    }

    private void set(String key, GgufValueType element, Object values) {
        metadata.put(key, new GgufValue(GgufValueType.ARRAY, element, values));
    }

    /** Writes the file and returns its path. */
    public Path write(Path path) {
        GgufWriter writer = new GgufWriter();
        metadata.forEach(writer::put);
        tensors.forEach((name, t) -> writer.tensor(name, t.type(), t.shape(), t.data()));
        writer.write(path);
        return path;
    }
}
