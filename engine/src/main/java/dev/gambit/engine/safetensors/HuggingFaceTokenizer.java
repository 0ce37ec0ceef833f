package dev.gambit.engine.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import java.util.Map;

/** Says in GGUF's keys what a {@code tokenizer.json} with byte-level BPE says. */
final class HuggingFaceTokenizer {

    private static final long NORMAL = 1;
    private static final long CONTROL = 3;
    private static final long USER_DEFINED = 4;
    private static final long UNUSED = 5;

    private HuggingFaceTokenizer() {}

    /**
     * Adds {@code tokenizer.ggml.*}.
     *
     * @param size the rows of the embeddings
     */
    static void describe(JsonFile tokenizer, int size, Map<String, GgufValue> out) {
        JsonNode model = tokenizer.root().path("model");
        if (!model.path("type").asText("").equals("BPE") || model.path("byte_fallback").asBoolean(false)) {
            throw unsupported(tokenizer, "model", "byte-level BPE", model.path("type"));
        }
        out.put("tokenizer.ggml.model", string("gpt2"));
        out.put("tokenizer.ggml.pre", string(pre(tokenizer)));
        String[] tokens = new String[size];
        long[] types = new long[size];
        for (Map.Entry<String, JsonNode> e : model.path("vocab").properties()) {
            put(tokenizer, tokens, types, e.getValue().asInt(-1), e.getKey(), NORMAL);
        }
        for (JsonNode added : tokenizer.root().path("added_tokens")) {
            put(tokenizer, tokens, types, added.path("id").asInt(-1), added.path("content").asText(),
                    added.path("special").asBoolean(false) ? CONTROL : USER_DEFINED);
        }
        for (int i = 0; i < size; i++) {
            if (tokens[i] == null) {
                tokens[i] = "[PAD" + i + "]";
                types[i] = UNUSED;
            }
        }
        JsonNode list = model.path("merges");
        String[] merges = new String[list.size()];
        for (int i = 0; i < merges.length; i++) {
            JsonNode m = list.get(i);
            merges[i] = m.isArray() ? m.path(0).asText() + " " + m.path(1).asText() : m.asText();
        }
        out.put("tokenizer.ggml.tokens", new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, tokens));
        out.put("tokenizer.ggml.token_type", new GgufValue(GgufValueType.ARRAY, GgufValueType.INT32, types));
        out.put("tokenizer.ggml.merges", new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, merges));
    }

    private static void put(JsonFile tokenizer, String[] tokens, long[] types, int id, String text, long type) {
        if (id < 0 || id >= tokens.length) {
            throw new ModelFormatException(GambitException.line(
                    tokenizer.source() + ": id of a token", "0 to " + (tokens.length - 1), id,
                    "it does not belong to this model: download the folder again"));
        }
        tokens[id] = text;
        types[id] = type;
    }

    /** Returns llama.cpp's name of how text is cut into words. */
    private static String pre(JsonFile tokenizer) {
        JsonNode pre = tokenizer.root().path("pre_tokenizer");
        JsonNode list = pre.path("pretokenizers");
        JsonNode first = list.isArray() ? list.path(0) : pre;
        JsonNode last = list.isArray() ? list.path(list.size() - 1) : pre;
        if (last.path("type").asText().equals("ByteLevel")) {
            boolean words = last.path("use_regex").asBoolean(true);
            String regex = first.path("pattern").path("Regex").asText("");
            switch (first.path("type").asText()) {
                case "ByteLevel" -> {
                    if (words) {
                        return "gpt-2";
                    }
                }
                case "Digits" -> {
                    if (words && first.path("individual_digits").asBoolean(false) && list.size() == 2) {
                        return "smollm";
                    }
                }
                case "Split" -> {
                    if (!words && regex.contains("\\p{N}{1,3}")) {
                        return "llama-bpe";
                    }
                    if (!words && regex.contains("|\\p{N}|")) {
                        return "qwen2";
                    }
                }
                default -> {}
            }
        }
        throw unsupported(tokenizer, "pre_tokenizer", "that of GPT-2, SmolLM, Llama 3 or Qwen 2", pre.path("type"));
    }

    private static ModelFormatException unsupported(JsonFile file, String what, String expected, JsonNode found) {
        return new ModelFormatException(GambitException.line(
                file.source() + ": " + what, expected, found.isMissingNode() ? "none" : found,
                "convert the model with convert_hf_to_gguf.py of llama.cpp"));
    }

    private static GgufValue string(String value) {
        return new GgufValue(GgufValueType.STRING, null, value);
    }
}
