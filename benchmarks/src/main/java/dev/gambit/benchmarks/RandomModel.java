package dev.gambit.benchmarks;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.ModelFingerprint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Writes a model of a given shape with random weights, and a sidecar whose one policy, {@code forced-0.5}, keeps a fixed
 * random half of the channels of CHESS's sites. Random weights have random activations, so only a forced kept fraction
 * says anything about speed; the policy's name says so in every table.
 *
 * <pre>java -cp benchmarks/target/gambit-benchmarks.jar dev.gambit.benchmarks.RandomModel TOKENIZER.gguf TYPE OUT.gguf SIDECAR.gguf</pre>
 */
public final class RandomModel {

    private static final int LAYERS = 16;
    private static final int EMBEDDING = 2048;
    private static final int FEED_FORWARD = 8192;
    private static final int HEADS = 32;
    private static final int KV_HEADS = 8;

    private RandomModel() {}

    /**
     * Writes the files: the shape of Llama-3.2-1B, with the vocabulary of another file.
     *
     * @param args the file to take the tokenizer from, the weights' type (BF16 or Q8_0), the model and the sidecar to write
     */
    public static void main(String[] args) {
        if (args.length != 4) {
            System.err.println("usage: RandomModel TOKENIZER.gguf BF16|Q8_0 OUT.gguf SIDECAR.gguf");
            System.exit(2);
        }
        GgmlType type = GgmlType.valueOf(args[1]);
        Path model = Path.of(args[2]);
        try (GgufFile tokenizer = GgufFile.open(Path.of(args[0]))) {
            writeModel(tokenizer.metadata(), type, model);
        }
        try (GgufFile file = GgufFile.open(model)) {
            writeSidecar(file, Path.of(args[3]));
        }
    }

    private static void writeModel(GgufMetadata tokenizer, GgmlType type, Path out) {
        GgufWriter w = new GgufWriter();
        w.put("general.architecture", "llama");
        w.put("general.name", "random 1B");
        w.put("general.file_type", type == GgmlType.BF16 ? 32 : 7);
        w.put("llama.block_count", LAYERS);
        w.put("llama.context_length", 8192);
        w.put("llama.embedding_length", EMBEDDING);
        w.put("llama.feed_forward_length", FEED_FORWARD);
        w.put("llama.attention.head_count", HEADS);
        w.put("llama.attention.head_count_kv", KV_HEADS);
        w.put("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        w.put("llama.rope.freq_base", 500000f);
        for (Map.Entry<String, GgufValue> e : tokenizer.values().entrySet()) {
            if (e.getKey().startsWith("tokenizer.")) {
                w.put(e.getKey(), e.getValue());
            }
        }
        int vocabulary = tokenizer.strings("tokenizer.ggml.tokens").length;
        int kv = EMBEDDING / HEADS * KV_HEADS;
        matrix(w, "token_embd.weight", type, EMBEDDING, vocabulary);
        ones(w, "output_norm.weight", EMBEDDING);
        for (int l = 0; l < LAYERS; l++) {
            String b = "blk." + l + ".";
            ones(w, b + "attn_norm.weight", EMBEDDING);
            matrix(w, b + "attn_q.weight", type, EMBEDDING, EMBEDDING);
            matrix(w, b + "attn_k.weight", type, EMBEDDING, kv);
            matrix(w, b + "attn_v.weight", type, EMBEDDING, kv);
            matrix(w, b + "attn_output.weight", type, EMBEDDING, EMBEDDING);
            ones(w, b + "ffn_norm.weight", EMBEDDING);
            matrix(w, b + "ffn_gate.weight", type, EMBEDDING, FEED_FORWARD);
            matrix(w, b + "ffn_up.weight", type, EMBEDDING, FEED_FORWARD);
            matrix(w, b + "ffn_down.weight", type, FEED_FORWARD, EMBEDDING);
        }
        w.write(out);
    }

    private static void ones(GgufWriter w, String name, int n) {
        w.tensor(name, GgmlType.F32, new long[] {n}, channel -> floats(channel, n, i -> 1f));
    }

    private static void matrix(GgufWriter w, String name, GgmlType type, int inputs, int outputs) {
        float deviation = (float) (1 / Math.sqrt(inputs));
        w.tensor(name, type, new long[] {inputs, outputs}, channel -> {
            SplittableRandom random = new SplittableRandom(name.hashCode());
            ByteBuffer row = ByteBuffer.allocate(Math.toIntExact(type.bytes(inputs))).order(ByteOrder.LITTLE_ENDIAN);
            for (int o = 0; o < outputs; o++) {
                row.clear();
                for (int i = 0; i < inputs; i++) {
                    if (type == GgmlType.BF16) {
                        float v = (float) (random.nextDouble(-1.7, 1.7) * deviation);
                        row.putShort((short) (Float.floatToRawIntBits(v) >>> 16));
                    } else {
                        if (i % 32 == 0) {
                            row.putShort(Float.floatToFloat16(1.7f * deviation / 127));
                        }
                        row.put((byte) random.nextInt(-127, 128));
                    }
                }
                row.flip();
                while (row.hasRemaining()) {
                    channel.write(row);
                }
            }
        });
    }

    private static void writeSidecar(GgufFile model, Path out) {
        GgufWriter w = new GgufWriter();
        w.put("general.type", "adapter");
        w.put("general.architecture", "llama");
        w.put("adapter.type", "chess");
        w.put("chess.version", 1);
        w.put("chess.sparsity.levels", new GgufValue(GgufValueType.ARRAY, GgufValueType.FLOAT32, new float[] {0, .5f}));
        w.put("chess.base.block_count", LAYERS);
        w.put("chess.base.embedding_length", EMBEDDING);
        w.put("chess.base.feed_forward_length", FEED_FORWARD);
        w.put("chess.base.sha256", ModelFingerprint.of(model));
        strings(w, "chess.policies", "forced-0.5");
        strings(
                w,
                "chess.policy.forced-0.5",
                "FFN_ACT forced.quantile forced.ffn",
                "Q_IN forced.quantile forced.embd",
                "O_IN forced.quantile forced.embd");
        for (int l = 0; l < LAYERS; l++) {
            String b = "blk." + l + ".forced.";
            w.tensor(b + "quantile", GgmlType.F32, new long[] {2}, channel -> floats(channel, 2, i -> i));
            // a threshold is quantile / weight: infinite for a weight of 0, and next to nothing for a huge one
            SplittableRandom random = new SplittableRandom(l);
            half(w, b + "ffn", FEED_FORWARD, random.split());
            half(w, b + "embd", EMBEDDING, random.split());
        }
        w.write(out);
    }

    private static void half(GgufWriter w, String name, int n, SplittableRandom random) {
        float[] weights = new float[n];
        for (int i = 0; i < n; i++) {
            weights[i] = random.nextBoolean() ? 1e30f : 0f;
        }
        w.tensor(name, GgmlType.F32, new long[] {n}, channel -> floats(channel, n, i -> weights[i]));
    }

    private static void strings(GgufWriter w, String key, String... values) {
        w.put(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, values));
    }

    @FunctionalInterface
    private interface FloatAt {
        float at(int i);
    }

    private static void floats(WritableByteChannel channel, int n, FloatAt values) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(4 * n).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < n; i++) {
            b.putFloat(values.at(i));
        }
        b.flip();
        while (b.hasRemaining()) {
            channel.write(b);
        }
    }
}
