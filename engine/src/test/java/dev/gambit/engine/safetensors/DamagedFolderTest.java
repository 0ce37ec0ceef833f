package dev.gambit.engine.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.gguf.GgufFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is wrong with a folder is said in one line that names the file and the place. */
class DamagedFolderTest {

    private static final String CONFIG = """
            {"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
             "intermediate_size": 4, "max_position_embeddings": 8, "vocab_size": 3}""";

    @TempDir
    Path folder;

    private String message(String config, String header, int dataBytes) throws Exception {
        Files.writeString(folder.resolve("config.json"), config);
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
                 "pre_tokenizer": {"type": "ByteLevel"}}""");
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        Files.write(folder.resolve("model.safetensors"), ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).array());
        String message = assertThrows(GambitException.class, () -> {
            try (GgufFile file = GgufFile.open(folder)) {
                dev.gambit.engine.internal.model.ModelConfig.of(file);
            }
        }).getMessage();
        assertEquals(1, message.lines().count(), message);
        return message;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"a\": {\"dtype\": \"I8\", \"shape\": [2], \"data_offsets\": [0, 2]}} | a, dtype",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}} | a, shape",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [9999999999], \"data_offsets\": [0, 8]}} | a, shape",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 800]}} | a, data_offsets",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}} | a, data_offsets",
        "[1] | a JSON object",
        "{\"a\": | JSON",
        "{} | token_embd.weight"})
    void damagedHeaders(String header, String expected) throws Exception {
        assertTrue(message(CONFIG, header, 8).contains(expected), message(CONFIG, header, 8));
    }

    @Test
    void otherModels() throws Exception {
        assertTrue(message(CONFIG.replace("\"llama\"", "\"gpt_neox\""), "{}", 0).contains("model_type"));
        assertTrue(message(CONFIG.replace("\"hidden_size\": 4", "\"hidden_act\": \"gelu\", \"hidden_size\": 4"), "{}",
                0)
                        .contains("token_embd.weight"));
        assertTrue(message(CONFIG.replace("\"hidden_size\": 4,", ""), "{}", 0).contains("hidden_size"));
    }

    /** Random bytes in place of the header: one line each, nothing else. */
    @Test
    void noise() throws Exception {
        Random random = new Random(7);
        for (int i = 0; i < 300; i++) {
            byte[] noise = new byte[random.nextInt(60)];
            random.nextBytes(noise);
            message(CONFIG, new String(noise, StandardCharsets.ISO_8859_1), random.nextInt(20));
        }
    }
}
