package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.ModelFormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.StringJoiner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Splits against those of Python's regex module with the published expressions; see src/test/python. */
class PreTokenizerTest {

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "default"})
    void splitsAsTheExpressionDoes(String name) throws IOException {
        PreTokenizer preTokenizer = PreTokenizer.named("test", name);
        ObjectMapper json = new ObjectMapper();
        int checked = 0;
        try (BufferedReader lines = vectors()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode vector = json.readTree(line);
                String text = vector.get("text").textValue();
                String expected = vector.get(vector.has(name) ? name : "gpt-2").textValue();
                assertEquals(expected, lengths(preTokenizer, text, 0, text.length()), line);
                // The same in the middle of a text: what is outside of the range does not count.
                String padded = "a '" + text + "s1 ";
                assertEquals(expected, lengths(preTokenizer, padded, 3, 3 + text.length()), line);
                checked++;
            }
        }
        assertTrue(checked > 1000);
    }

    @Test
    void namesWhatIsSupported() {
        String message = assertThrows(ModelFormatException.class, () -> PreTokenizer.named("m.gguf", "tekken"))
                .getMessage();
        assertTrue(message.startsWith("m.gguf: tokenizer.ggml.pre"), message);
        for (String name : new String[] {"tekken", "gpt-2", "smollm", "llama-bpe", "llama3", "qwen2", "default"}) {
            assertTrue(message.contains(name), message);
        }
    }

    /** The committed vectors, or a larger file of the same form where {@code gambit.pretokenizer.vectors} names one. */
    private static BufferedReader vectors() throws IOException {
        String larger = System.getProperty("gambit.pretokenizer.vectors");
        if (larger != null) {
            return Files.newBufferedReader(Path.of(larger));
        }
        InputStream stream = PreTokenizerTest.class.getResourceAsStream("/tokenizer/pretokenizer-vectors.jsonl");
        return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
    }

    private static String lengths(PreTokenizer preTokenizer, String text, int from, int to) {
        StringJoiner lengths = new StringJoiner(" ");
        int[] at = {from};
        preTokenizer.split(text, from, to, (start, end) -> {
            assertEquals(at[0], start, "no gaps");
            lengths.add(String.valueOf(text.codePointCount(start, end)));
            at[0] = end;
        });
        assertEquals(to, at[0]);
        return lengths.toString();
    }
}
