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
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Writes a model of a given shape with random weights, and a sidecar whose one policy, {@code forced-0.5}, keeps a fixed
 * random half of the channels of CHESS's sites. Random weights have random activations, so only a forced kept fraction
 * says anything about speed; the policy's name says so in every table.
 *
 * <pre>java -cp benchmarks/target/gambit-benchmarks.jar dev.gambit.benchmarks.RandomModel TOKENIZER.gguf TYPE OUT.gguf SIDECAR.gguf [135M|1B|3B|8B [VOCABULARY]]</pre>
 */
public final class RandomModel {

    /** The token type of a token that never occurs. */
    private static final int UNUSED = 5;
    /** Different rows of a matrix; a speed test needs no more. */
    private static final int ROWS = 61;

    /** A family's shape, which of its dimensions decide the speed. */
    private enum Shape {
        /** SmolLM2-135M. */
        SMOLLM_135M("135M", 30, 576, 1536, 9, 3),
        /** Llama-3.2-1B. */
        LLAMA_1B("1B", 16, 2048, 8192, 32, 8),
        /** Llama-3.2-3B. */
        LLAMA_3B("3B", 28, 3072, 8192, 24, 8),
        /** Llama-3.1-8B. */
        LLAMA_8B("8B", 32, 4096, 14336, 32, 8);

        private final String label;
        private final int layers;
        private final int embedding;
        private final int feedForward;
        private final int heads;
        private final int kvHeads;

        Shape(String label, int layers, int embedding, int feedForward, int heads, int kvHeads) {
            this.label = label;
            this.layers = layers;
            this.embedding = embedding;
            this.feedForward = feedForward;
            this.heads = heads;
            this.kvHeads = kvHeads;
        }

        static Shape of(String label) {
            for (Shape s : values()) {
                if (s.label.equals(label)) {
                    return s;
                }
            }
            throw new IllegalArgumentException("shape: expected 135M, 1B, 3B or 8B, found " + label);
        }
    }

    private RandomModel() {}

    /**
     * Writes the files: a Llama's shape (Llama-3.2-1B's unless another is named), with the vocabulary of another file, made
     * longer by tokens without a meaning where a size is named.
     *
     * @param args the file to take the tokenizer from, the weights' type (F16, BF16, Q8_0, Q4_0 or Q4_1), the model and the sidecar
     *        to write, the shape, the vocabulary's size
     */
    public static void main(String[] args) {
        if (args.length < 4 || args.length > 6) {
            System.err.println(
                    "usage: RandomModel TOKENIZER.gguf F16|BF16|Q8_0|Q4_0|Q4_1 OUT.gguf SIDECAR.gguf [135M|1B|3B|8B [VOCABULARY]]");
            System.exit(2);
        }
        GgmlType type = GgmlType.valueOf(args[1]);
        Path model = Path.of(args[2]);
        Shape shape = args.length > 4 ? Shape.of(args[4]) : Shape.LLAMA_1B;
        try (GgufFile tokenizer = GgufFile.open(Path.of(args[0]))) {
            int own = tokenizer.metadata().strings("tokenizer.ggml.tokens").length;
            int vocabulary = args.length > 5 ? Math.max(own, Integer.parseInt(args[5])) : own;
            writeModel(shape, tokenizer.metadata(), vocabulary, type, model);
        }
        try (GgufFile file = GgufFile.open(model)) {
            writeSidecar(shape, file, Path.of(args[3]));
        }
    }

    private static int fileType(GgmlType type) {
        return switch (type) {
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 7;
            case BF16 -> 32;
            default -> throw new IllegalArgumentException("type: expected F16, BF16, Q8_0, Q4_0 or Q4_1, found "
                    + type);
        };
    }

    private static void writeModel(Shape s, GgufMetadata tokenizer, int vocabulary, GgmlType type, Path out) {
        GgufWriter w = new GgufWriter();
        w.put("general.architecture", "llama");
        w.put("general.name", "random " + s.label);
        w.put("general.file_type", fileType(type));
        w.put("llama.block_count", s.layers);
        w.put("llama.context_length", 8192);
        w.put("llama.embedding_length", s.embedding);
        w.put("llama.feed_forward_length", s.feedForward);
        w.put("llama.attention.head_count", s.heads);
        w.put("llama.attention.head_count_kv", s.kvHeads);
        w.put("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        w.put("llama.rope.freq_base", 500000f);
        for (Map.Entry<String, GgufValue> e : tokenizer.values().entrySet()) {
            if (e.getKey().startsWith("tokenizer.")) {
                w.put(e.getKey(), longer(e.getKey(), e.getValue(), vocabulary));
            }
        }
        int kv = s.embedding / s.heads * s.kvHeads;
        matrix(w, "token_embd.weight", type, s.embedding, vocabulary);
        ones(w, "output_norm.weight", s.embedding);
        for (int l = 0; l < s.layers; l++) {
            String b = "blk." + l + ".";
            ones(w, b + "attn_norm.weight", s.embedding);
            matrix(w, b + "attn_q.weight", type, s.embedding, s.embedding);
            matrix(w, b + "attn_k.weight", type, s.embedding, kv);
            matrix(w, b + "attn_v.weight", type, s.embedding, kv);
            matrix(w, b + "attn_output.weight", type, s.embedding, s.embedding);
            ones(w, b + "ffn_norm.weight", s.embedding);
            matrix(w, b + "ffn_gate.weight", type, s.embedding, s.feedForward);
            matrix(w, b + "ffn_up.weight", type, s.embedding, s.feedForward);
            matrix(w, b + "ffn_down.weight", type, s.feedForward, s.embedding);
        }
        w.write(out);
    }

    /** Gives a list with one entry a token entries for the tokens that are added. */
    private static GgufValue longer(String key, GgufValue value, int vocabulary) {
        if (key.equals("tokenizer.ggml.tokens") && value.value() instanceof String[] tokens) {
            String[] all = Arrays.copyOf(tokens, vocabulary);
            for (int i = tokens.length; i < vocabulary; i++) {
                all[i] = "<|unused_" + i + "|>";
            }
            return new GgufValue(value.type(), value.elementType(), all);
        }
        if (key.equals("tokenizer.ggml.token_type") && value.value() instanceof long[] types) {
            long[] all = Arrays.copyOf(types, vocabulary);
            Arrays.fill(all, types.length, vocabulary, UNUSED);
            return new GgufValue(value.type(), value.elementType(), all);
        }
        if (key.equals("tokenizer.ggml.scores") && value.value() instanceof float[] scores) {
            return new GgufValue(value.type(), value.elementType(), Arrays.copyOf(scores, vocabulary));
        }
        return value;
    }

    private static void ones(GgufWriter w, String name, int n) {
        w.tensor(name, GgmlType.F32, new long[] {n}, channel -> floats(channel, n, i -> 1f));
    }

    private static void matrix(GgufWriter w, String name, GgmlType type, int inputs, int outputs) {
        w.tensor(name, type, new long[] {inputs, outputs}, channel -> {
            SplittableRandom random = new SplittableRandom(name.hashCode());
            int bytes = Math.toIntExact(type.bytes(inputs));
            ByteBuffer rows = ByteBuffer.allocateDirect(ROWS * bytes).order(ByteOrder.LITTLE_ENDIAN);
            for (int r = 0; r < ROWS; r++) {
                row(rows, type, inputs, random);
            }
            for (int o = 0; o < outputs; o++) {
                int r = random.nextInt(ROWS);
                ByteBuffer row = rows.slice(r * bytes, bytes);
                while (row.hasRemaining()) {
                    channel.write(row);
                }
            }
        });
    }

    private static void row(ByteBuffer to, GgmlType type, int inputs, SplittableRandom random) {
        float deviation = (float) (1 / Math.sqrt(inputs));
        for (int i = 0; i < inputs; i++) {
            float v = (float) (random.nextDouble(-1.7, 1.7) * deviation);
            switch (type) {
                case F16 -> to.putShort(Float.floatToFloat16(v));
                case BF16 -> to.putShort((short) (Float.floatToRawIntBits(v) >>> 16));
                case Q8_0 -> {
                    if (i % 32 == 0) {
                        to.putShort(Float.floatToFloat16(1.7f * deviation / 127));
                    }
                    to.put((byte) random.nextInt(-127, 128));
                }
                default -> {
                    if (i % 32 == 0) {
                        to.putShort(Float.floatToFloat16(1.7f * deviation / 8));
                        if (type == GgmlType.Q4_1) {
                            to.putShort(Float.floatToFloat16(-1.7f * deviation));
                        }
                    }
                    if (i % 2 == 0) {
                        to.put((byte) random.nextInt(256));
                    }
                }
            }
        }
    }

    private static void writeSidecar(Shape s, GgufFile model, Path out) {
        GgufWriter w = new GgufWriter();
        w.put("general.type", "adapter");
        w.put("general.architecture", "llama");
        w.put("adapter.type", "chess");
        w.put("chess.version", 1);
        w.put("chess.sparsity.levels", new GgufValue(GgufValueType.ARRAY, GgufValueType.FLOAT32, new float[] {0, .5f}));
        w.put("chess.base.block_count", s.layers);
        w.put("chess.base.embedding_length", s.embedding);
        w.put("chess.base.feed_forward_length", s.feedForward);
        w.put("chess.base.sha256", ModelFingerprint.of(model));
        strings(w, "chess.policies", "forced-0.5");
        strings(
                w,
                "chess.policy.forced-0.5",
                "FFN_ACT forced.quantile forced.ffn",
                "Q_IN forced.quantile forced.embd",
                "O_IN forced.quantile forced.embd");
        for (int l = 0; l < s.layers; l++) {
            String b = "blk." + l + ".forced.";
            w.tensor(b + "quantile", GgmlType.F32, new long[] {2}, channel -> floats(channel, 2, i -> i));
            // a threshold is quantile / weight: infinite for a weight of 0, and next to nothing for a huge one
            SplittableRandom random = new SplittableRandom(l);
            half(w, b + "ffn", s.feedForward, random.split());
            half(w, b + "embd", s.embedding, random.split());
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
