package dev.gambit.engine.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.internal.model.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A folder with {@code config.json}, {@code tokenizer.json} and safetensors of a Llama, seen as the GGUF file that
 * llama.cpp's converter would make of it. Nothing is copied but what differs: norms become 32-bit floats, and the rows of
 * q and k are put in the order that rotates neighbouring pairs, both when they are mapped.
 */
public final class HuggingFaceModel implements GgufFile.TensorSource {

    private static final Map<String, String> LAYER_NAMES = Map.of(
            "input_layernorm", "attn_norm",
            "self_attn.q_proj", "attn_q",
            "self_attn.k_proj", "attn_k",
            "self_attn.v_proj", "attn_v",
            "self_attn.o_proj", "attn_output",
            "post_attention_layernorm", "ffn_norm",
            "mlp.gate_proj", "ffn_gate",
            "mlp.up_proj", "ffn_up",
            "mlp.down_proj", "ffn_down");
    private static final int MAX = 1 << 24;

    /** Where a tensor is, and the rows of a head where they are to be reordered, else 0. */
    private record Origin(SafetensorsFile file, SafetensorsFile.Tensor tensor, int headRows) {}

    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, Origin> origins = new HashMap<>();

    private HuggingFaceModel() {}

    /** Returns whether a path is such a folder. */
    public static boolean isOne(Path path) {
        return Files.isRegularFile(path.resolve("config.json")) && Files.isDirectory(path);
    }

    /**
     * Opens a folder.
     *
     * @throws GambitException where something in it is missing, damaged or not supported
     */
    public static GgufFile open(Path folder) {
        JsonFile config = JsonFile.read(folder.resolve("config.json"));
        String type = config.text("model_type", "none");
        if (!type.equals("llama") && !type.equals("mistral")) {
            throw new ModelFormatException(GambitException.line(
                    config.source() + ": model_type", "llama or mistral", type,
                    "convert the model with convert_hf_to_gguf.py of llama.cpp"));
        }
        HuggingFaceModel model = new HuggingFaceModel();
        try {
            Map<String, GgufTensor> tensors = model.tensors(folder, config);
            return GgufFile.of(folder, metadata(folder, config, tensors), tensors, model);
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private Map<String, GgufTensor> tensors(Path folder, JsonFile config) {
        for (Path file : shards(folder)) {
            files.add(new SafetensorsFile(file));
        }
        int heads = dimension(config, "num_attention_heads");
        int kvHeads = (int) config.integer("num_key_value_heads", heads);
        boolean tied = config.root().path("tie_word_embeddings").asBoolean(false);
        Map<String, GgufTensor> out = new LinkedHashMap<>();
        for (SafetensorsFile file : files) {
            file.tensors().forEach((name, tensor) -> {
                String to = name(name, tied);
                if (to == null) {
                    return;
                }
                boolean q = to.contains(".attn_q.");
                int rows = q || to.contains(".attn_k.") ? headRows(name, tensor, q ? heads : kvHeads) : 0;
                origins.put(to, new Origin(file, tensor, rows));
                long[] shape = tensor.shape().length == 1 ? tensor.shape()
                        : new long[] {tensor.shape()[1], tensor.shape()[0]};
                GgmlType type = shape.length == 1 ? GgmlType.F32 : tensor.type();
                long elements = tensor.bytes() / tensor.type().blockBytes();
                out.put(to, new GgufTensor(to, type, shape, tensor.offset(), elements * type.blockBytes()));
            });
        }
        return out;
    }

    private static int headRows(String name, SafetensorsFile.Tensor tensor, int heads) {
        long rows = tensor.shape()[0];
        if (heads < 1 || rows % (2L * heads) != 0) {
            throw new ModelFormatException(GambitException.line(
                    name, "an even number of rows for each of " + heads + " heads", rows,
                    "the folder is damaged: download it again"));
        }
        return (int) (rows / heads);
    }

    private static Iterable<Path> shards(Path folder) {
        Path index = folder.resolve("model.safetensors.index.json");
        if (!Files.isRegularFile(index)) {
            return List.of(folder.resolve("model.safetensors"));
        }
        TreeSet<Path> shards = new TreeSet<>();
        for (JsonNode name : JsonFile.read(index).root().path("weight_map")) {
            // a name that leads elsewhere is no name of a shard
            shards.add(folder.resolve(Path.of(name.asText()).getFileName()));
        }
        return shards;
    }

    /** Returns a tensor's name in GGUF; null for one that is not read. */
    private static String name(String name, boolean tied) {
        switch (name) {
            case "model.embed_tokens.weight":
                return "token_embd.weight";
            case "model.norm.weight":
                return "output_norm.weight";
            case "lm_head.weight":
                return tied ? null : "output.weight";
            default:
        }
        String prefix = "model.layers.";
        int dot = name.indexOf('.', prefix.length());
        int end = name.lastIndexOf('.');
        if (!name.startsWith(prefix) || dot < 0 || end <= dot) {
            return null;
        }
        String to = LAYER_NAMES.get(name.substring(dot + 1, end));
        return to == null ? null : "blk." + name.substring(prefix.length(), dot) + "." + to + name.substring(end);
    }

    private static GgufMetadata metadata(Path folder, JsonFile config, Map<String, GgufTensor> tensors) {
        Map<String, GgufValue> out = new LinkedHashMap<>();
        Path name = folder.toAbsolutePath().normalize().getFileName();
        out.put("general.architecture", text("llama"));
        out.put("general.name", text(name == null ? "model" : name.toString()));
        int heads = dimension(config, "num_attention_heads");
        out.put("llama.block_count", number(dimension(config, "num_hidden_layers")));
        out.put("llama.context_length", number(dimension(config, "max_position_embeddings")));
        int embedding = dimension(config, "hidden_size");
        out.put("llama.embedding_length", number(embedding));
        out.put("llama.feed_forward_length", number(dimension(config, "intermediate_size")));
        out.put("llama.attention.head_count", number(heads));
        out.put("llama.attention.head_count_kv", number(config.integer("num_key_value_heads", heads)));
        long head = config.integer("head_dim", embedding / heads);
        out.put("llama.attention.key_length", number(head));
        out.put("llama.attention.value_length", number(head));
        out.put("llama.rope.dimension_count", number(head));
        out.put("llama.attention.layer_norm_rms_epsilon", real(config.number("rms_norm_eps", 1e-6)));
        out.put("llama.rope.freq_base", real(config.number("rope_theta", 10_000)));
        out.put(ModelConfig.ACTIVATION_KEY, text(config.text("hidden_act", "silu")));
        scaling(config, out);
        GgufTensor embeddings = tensors.get("token_embd.weight");
        int vocabulary = embeddings == null ? dimension(config, "vocab_size") : embeddings.rows();
        HuggingFaceTokenizer.describe(JsonFile.read(folder.resolve("tokenizer.json")), vocabulary, out);
        special(folder, config, out);
        return new GgufMetadata(folder.toString(), out);
    }

    private static void scaling(JsonFile config, Map<String, GgufValue> out) {
        JsonNode scaling = config.root().path("rope_scaling");
        String type = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
        if (type.equals("linear")) {
            out.put("llama.rope.scaling.type", text("linear"));
            out.put("llama.rope.scaling.factor", real(scaling.path("factor").asDouble(1)));
        } else if (!type.equals("default")) {
            throw new ModelFormatException(GambitException.line(
                    config.source() + ": rope_scaling", "default or linear", type,
                    "convert the model with convert_hf_to_gguf.py of llama.cpp"));
        }
    }

    private static void special(Path folder, JsonFile config, Map<String, GgufValue> out) {
        long bos = config.integer("bos_token_id", -1);
        JsonNode eos = config.root().path("eos_token_id");
        long end = eos.isArray() ? eos.path(0).asLong(-1) : eos.asLong(-1);
        if (bos >= 0) {
            out.put("tokenizer.ggml.bos_token_id", number(bos));
        }
        if (end >= 0) {
            out.put("tokenizer.ggml.eos_token_id", number(end));
        }
        Path file = folder.resolve("tokenizer_config.json");
        if (Files.isRegularFile(file)) {
            JsonFile tokenizer = JsonFile.read(file);
            out.put("tokenizer.ggml.add_bos_token", new GgufValue(
                    GgufValueType.BOOL, null, tokenizer.root().path("add_bos_token").asBoolean(false)));
            if (tokenizer.root().path("chat_template").isTextual()) {
                out.put("tokenizer.chat_template", text(tokenizer.text("chat_template", "")));
            }
        }
    }

    @Override
    public MemorySegment map(GgufTensor tensor, Arena arena) {
        Origin o = origins.get(tensor.name());
        MemorySegment data = o.file.map(o.tensor, arena);
        if (tensor.type() != o.tensor.type()) {
            int n = Math.toIntExact(tensor.elements());
            float[] values = new float[n];
            Dequantizer.row(o.tensor.type(), data, 0, n, values, 0);
            MemorySegment floats = arena.allocate(4L * n, 64);
            MemorySegment.copy(values, 0, floats, ValueLayout.JAVA_FLOAT, 0, n);
            return o.headRows == 0 ? floats : reordered(floats, n, 4, o.headRows, arena);
        }
        if (o.headRows == 0) {
            return data;
        }
        return reordered(data, tensor.rows(), tensor.type().bytes(tensor.columns()), o.headRows, arena);
    }

    /** Of a head's rows, the two halves of which rotate together, pair after pair. */
    private static MemorySegment reordered(MemorySegment from, int rows, long rowBytes, int headRows, Arena arena) {
        MemorySegment to = arena.allocate(rows * rowBytes, 64);
        for (int r = 0; r < rows; r++) {
            int i = r % headRows;
            int source = r - i + i % 2 * (headRows / 2) + i / 2;
            MemorySegment.copy(from, source * rowBytes, to, r * rowBytes, rowBytes);
        }
        return to;
    }

    private static int dimension(JsonFile config, String key) {
        long value = config.require(key);
        if (value < 1 || value > MAX) {
            throw new ModelFormatException(GambitException.line(
                    config.source() + ": " + key, "1 to " + MAX, value, "the folder is damaged: download it again"));
        }
        return (int) value;
    }

    private static GgufValue text(String value) {
        return new GgufValue(GgufValueType.STRING, null, value);
    }

    private static GgufValue number(long value) {
        return new GgufValue(GgufValueType.UINT32, null, value);
    }

    private static GgufValue real(double value) {
        return new GgufValue(GgufValueType.FLOAT32, null, (double) (float) value);
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
