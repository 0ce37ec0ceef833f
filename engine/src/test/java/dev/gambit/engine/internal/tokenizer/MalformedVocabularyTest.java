package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufValueType;
import org.junit.jupiter.api.Test;

class MalformedVocabularyTest {

    private static TokenizerFixtures.Builder bytePair() {
        return TokenizerFixtures.bytePair("gpt-2").merges("a b");
    }

    private static TokenizerFixtures.Builder sentencePiece() {
        return new TokenizerFixtures.Builder()
                .put("tokenizer.ggml.model", GgufValueType.STRING, "llama")
                .array("tokenizer.ggml.tokens", GgufValueType.STRING, new String[] {"a", "b"})
                .array("tokenizer.ggml.scores", GgufValueType.FLOAT32, new float[] {0, 0});
    }

    private static void assertRefused(TokenizerFixtures.Builder builder, String... parts) {
        String message = assertThrows(ModelFormatException.class, builder::tokenizer).getMessage();
        assertFalse(message.contains("\n"), message);
        assertTrue(message.startsWith("made-up.gguf: "), message);
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    @Test
    void acceptsWhatTheOthersAreMadeFrom() {
        assertEquals(256, bytePair().tokenizer().vocabularySize());
        assertEquals(2, sentencePiece().tokenizer().vocabularySize());
    }

    @Test
    void refusesOtherModels() {
        assertRefused(bytePair().put("tokenizer.ggml.model", GgufValueType.STRING, "bert"), "bert", "gpt2, llama");
        assertRefused(bytePair().without("tokenizer.ggml.model"), "tokenizer.ggml.model");
        assertRefused(bytePair().put("tokenizer.ggml.pre", GgufValueType.STRING, "gpt-4o"), "gpt-4o", "smollm");
    }

    @Test
    void takesTheDefaultPreTokenizerWhereNoneIsNamed() {
        Tokenizer tokenizer = bytePair().without("tokenizer.ggml.pre").merges("1 2", "12 3", "123 4").tokenizer();
        assertEquals(4, tokenizer.encode("1234", false, false).length);
        assertThrows(ModelFormatException.class, () -> bytePair()
                .put("tokenizer.ggml.pre", GgufValueType.STRING, "")
                .tokenizer());
    }

    @Test
    void refusesMissingArrays() {
        assertRefused(bytePair().without("tokenizer.ggml.tokens"), "tokenizer.ggml.tokens", "none");
        assertRefused(bytePair().without("tokenizer.ggml.merges"), "tokenizer.ggml.merges", "none");
        assertRefused(sentencePiece().without("tokenizer.ggml.scores"), "tokenizer.ggml.scores", "none");
        assertRefused(bytePair().array("tokenizer.ggml.tokens", GgufValueType.STRING, new String[0]), "empty");
    }

    @Test
    void refusesShortArrays() {
        assertRefused(bytePair().types(1, 1, 1), "tokenizer.ggml.token_type", "256", "3");
        assertRefused(
                sentencePiece().array("tokenizer.ggml.scores", GgufValueType.FLOAT32, new float[] {0}), "2", "found 1");
    }

    @Test
    void refusesOtherTypes() {
        assertRefused(
                bytePair().array("tokenizer.ggml.tokens", GgufValueType.INT32, new long[] {1}), "array of strings");
        assertRefused(bytePair().put("tokenizer.ggml.add_bos_token", GgufValueType.STRING, "yes"), "boolean");
        assertRefused(bytePair().put("tokenizer.ggml.eos_token_id", GgufValueType.STRING, "2"), "integer");
    }

    @Test
    void livesWithEmptyAndRepeatedTokens() {
        Tokenizer tokenizer = TokenizerFixtures.bytePair("gpt-2", "", "ab", "ab", "abc", "ab")
                .merges("a b", "ab c")
                .tokenizer();
        assertEquals("[EMPTY_256]", tokenizer.token(256));
        assertEquals("ab", tokenizer.token(tokenizer.encode("ab", false, false)[0]));
        assertEquals("abc", tokenizer.token(tokenizer.encode("abc", false, false)[0]));
    }
}
