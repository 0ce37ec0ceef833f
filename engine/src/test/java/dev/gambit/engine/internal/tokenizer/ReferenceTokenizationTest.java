package dev.gambit.engine.internal.tokenizer;

import static dev.gambit.engine.internal.tokenizer.TokenizerFixtures.shared;
import static dev.gambit.engine.internal.tokenizer.TokenizerFixtures.tokenizer;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Token ids against those of other implementations: the shared references, and llama.cpp's own test vectors. */
class ReferenceTokenizationTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void tokenizesAsSmolLm2Does() throws IOException {
        Tokenizer tokenizer = tokenizer(TokenizerFixtures.SMOLLM2);
        List<String> lines = Files.readAllLines(shared("reference/smollm2-tokenize.jsonl"));
        assertEquals(89, lines.size());
        for (String line : lines) {
            JsonNode example = JSON.readTree(line);
            String text = example.get("text").textValue();
            boolean parseSpecial = example.get("parse_special").booleanValue();
            int[] ids = ids(example);
            assertArrayEquals(ids, tokenizer.encode(text, false, parseSpecial), line);
            assertArrayEquals(ids, tokenizer.encode(text, true, parseSpecial), "adds neither BOS nor EOS: " + line);
            if (example.get("detokenized_ok").booleanValue()) {
                assertEquals(text, tokenizer.decode(ids, true), line);
            }
        }
    }

    @Test
    void tokenizesAsFableDoes() throws IOException {
        Tokenizer tokenizer = tokenizer(TokenizerFixtures.FABLE);
        JsonNode examples = JSON.readTree(shared("reference/fable-tokenize.json").toFile());
        assertEquals(10, examples.size());
        for (JsonNode example : examples) {
            String text = example.get("text").textValue();
            assertArrayEquals(ids(example), tokenizer.encode(text, false, true), text);
            assertEquals(text, tokenizer.decode(ids(example), true));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {TokenizerFixtures.GPT2, TokenizerFixtures.LLAMA_SPM})
    void tokenizesLlamaCppsVectors(String vocabulary) throws IOException {
        Tokenizer tokenizer = tokenizer(vocabulary);
        String[] texts = Files.readString(shared(vocabulary + ".inp")).split("\n__ggml_vocab_test__\n", -1);
        List<String> lines = Files.readAllLines(shared(vocabulary + ".out"));
        assertTrue(texts.length > 40);
        // The last separator ends the last case; nothing comes after it.
        assertEquals(texts.length, lines.size() + (texts[texts.length - 1].isEmpty() ? 1 : 0));
        for (int i = 0; i < lines.size(); i++) {
            int[] ids = Arrays.stream(lines.get(i).trim().split(" +"))
                    .filter(word -> !word.isEmpty())
                    .mapToInt(Integer::parseInt)
                    .toArray();
            assertArrayEquals(ids, tokenizer.encode(texts[i], false, false), texts[i]);
            assertEquals(texts[i], tokenizer.decode(ids), texts[i]);
        }
    }

    @Test
    void addsWhatLlamaCppAdds() {
        Tokenizer llama = tokenizer(TokenizerFixtures.LLAMA_SPM);
        assertArrayEquals(new int[] {1, 15043}, llama.encode("Hello", true, false));
        assertArrayEquals(new int[] {1}, llama.encode("", true, false));
        assertArrayEquals(new int[0], llama.encode("", false, false));
        assertEquals(" Hello", llama.decode(new int[] {1, 15043}), "only the first token loses its space");
        assertEquals("<s> Hello", llama.decode(new int[] {1, 15043}, true));
        assertEquals("Hello", llama.decode(new int[] {15043}));
    }

    @Test
    void knowsTheSpecialTokens() {
        Tokenizer smolLm2 = tokenizer(TokenizerFixtures.SMOLLM2);
        assertEquals(49152, smolLm2.vocabularySize());
        assertEquals(1, smolLm2.bos());
        assertEquals(2, smolLm2.eos());
        // <reponame> is among them because llama.cpp takes any fill-in-the-middle repository token for an end.
        assertEquals(Set.of(0, 2, 4), smolLm2.endOfGeneration());
        assertTrue(smolLm2.isEndOfGeneration(2));
        assertTrue(smolLm2.isControl(1));
        assertEquals("<|im_start|>", smolLm2.token(1));
        Tokenizer fable = tokenizer(TokenizerFixtures.FABLE);
        assertEquals(Set.of(0, 2), fable.endOfGeneration());
        assertEquals(Set.of(2), tokenizer(TokenizerFixtures.LLAMA_SPM).endOfGeneration());
    }

    private static int[] ids(JsonNode example) {
        return JSON.convertValue(example.get("ids"), int[].class);
    }
}
