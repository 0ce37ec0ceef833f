package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Tokenizers for tests: of models in the shared folder, and of vocabularies made up on the spot. */
final class TokenizerFixtures {

    static final String SMOLLM2 = "models/SmolLM2-135M-Instruct.Q4_1.gguf";
    static final String FABLE = "models/fable-7m-q8_0.gguf";
    static final String GPT2 = "data/vocab/ggml-vocab-gpt-2.gguf";
    static final String LLAMA_SPM = "data/vocab/ggml-vocab-llama-spm.gguf";

    private static final Map<String, Tokenizer> OPENED = new ConcurrentHashMap<>();

    private TokenizerFixtures() {}

    /** Returns a file of the shared folder, or skips the test. */
    static Path shared(String name) {
        String folder = System.getProperty("gambit.shared");
        List<String> candidates = folder == null ? List.of("../shared", "../../shared") : List.of(folder);
        for (String candidate : candidates) {
            Path path = Path.of(candidate, name);
            if (Files.exists(path)) {
                return path;
            }
        }
        abort("no " + name + " in " + candidates + "; set -Dgambit.shared");
        throw new AssertionError();
    }

    /** Returns the tokenizer of a model in the shared folder, or skips the test. */
    static Tokenizer tokenizer(String name) {
        Path path = shared(name);
        return OPENED.computeIfAbsent(name, key -> Tokenizer.from(metadata(path)));
    }

    /** Returns a model's metadata. */
    static GgufMetadata metadata(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            return file.metadata();
        }
    }

    /** Starts metadata for a made-up byte-level vocabulary: the 256 bytes, then these tokens. */
    static Builder bytePair(String pre, String... tokens) {
        String[] all = new String[256 + tokens.length];
        for (int value = 0; value < 256; value++) {
            all[value] = String.valueOf(ByteAlphabet.toChar(value));
        }
        System.arraycopy(tokens, 0, all, 256, tokens.length);
        return new Builder()
                .put("tokenizer.ggml.model", GgufValueType.STRING, "gpt2")
                .put("tokenizer.ggml.pre", GgufValueType.STRING, pre)
                .array("tokenizer.ggml.tokens", GgufValueType.STRING, all);
    }

    /** Collects metadata. */
    static final class Builder {

        private final Map<String, GgufValue> values = new LinkedHashMap<>();

        Builder put(String key, GgufValueType type, Object value) {
            values.put(key, new GgufValue(type, null, value));
            return this;
        }

        Builder array(String key, GgufValueType elementType, Object value) {
            values.put(key, new GgufValue(GgufValueType.ARRAY, elementType, value));
            return this;
        }

        Builder merges(String... merges) {
            return array("tokenizer.ggml.merges", GgufValueType.STRING, merges);
        }

        Builder types(long... types) {
            return array("tokenizer.ggml.token_type", GgufValueType.INT32, types);
        }

        Builder without(String key) {
            values.remove(key);
            return this;
        }

        GgufMetadata metadata() {
            return new GgufMetadata("made-up.gguf", values);
        }

        Tokenizer tokenizer() {
            return Tokenizer.from(metadata());
        }
    }
}
