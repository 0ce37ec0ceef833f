package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufValueType;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SpecialTokensTest {

    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;

    /** A vocabulary with the 256 bytes, then these tokens of one type. */
    private static TokenizerFixtures.Builder vocabulary(int type, String... tokens) {
        long[] types = new long[256 + tokens.length];
        Arrays.fill(types, NORMAL);
        Arrays.fill(types, 256, types.length, type);
        return TokenizerFixtures.bytePair("gpt-2", tokens).types(types).merges("a b");
    }

    private static int[] ids(Object... parts) {
        return Arrays.stream(parts)
                .flatMapToInt(part -> part instanceof String text
                        ? text.chars()
                        : Arrays.stream(new int[] {(Integer) part}))
                .toArray();
    }

    @Test
    void parsesControlTokensOnRequestOnly() {
        Tokenizer tokenizer = vocabulary(CONTROL, "<x>").tokenizer();
        assertArrayEquals(ids("a", 256, 256, " b"), tokenizer.encode("a<x><x> b", false, true));
        assertArrayEquals(ids("a<x><x> b"), tokenizer.encode("a<x><x> b", false, false));
        assertEquals("a b", tokenizer.decode(ids("a", 256, " b")));
        assertEquals("a<x> b", tokenizer.decode(ids("a", 256, " b"), true));
        assertEquals(0, tokenizer.tokenBytes(256).length);
        assertTrue(tokenizer.isControl(256));
        assertFalse(tokenizer.isControl('a'));
        assertFalse(tokenizer.isControl(-1));
    }

    @Test
    void alwaysParsesUserDefinedTokens() {
        Tokenizer tokenizer = vocabulary(USER_DEFINED, "<x>").tokenizer();
        assertArrayEquals(ids("a", 256, "b"), tokenizer.encode("a<x>b", false, false));
        assertEquals("a<x>b", tokenizer.decode(ids("a", 256, "b")));
        assertFalse(tokenizer.isControl(256));
    }

    @Test
    void treatsUnknownTokensAsControlTokensInText() {
        Tokenizer tokenizer = vocabulary(UNKNOWN, "<unk>").tokenizer();
        assertArrayEquals(ids(256), tokenizer.encode("<unk>", false, true));
        assertArrayEquals(ids("<unk>"), tokenizer.encode("<unk>", false, false));
        assertEquals("", tokenizer.decode(ids(256)));
    }

    @Test
    void neitherParsesNorWritesUnusedTokens() {
        Tokenizer tokenizer = vocabulary(UNUSED, "<spare>").tokenizer();
        assertArrayEquals(ids("<spare>"), tokenizer.encode("<spare>", false, true));
        assertEquals("", tokenizer.decode(ids(256), true));
    }

    @Test
    void prefersTheLongestTokenEvenToOneThatStartsEarlier() {
        Tokenizer tokenizer = vocabulary(CONTROL, "ab", "bcd", "abc").tokenizer();
        assertArrayEquals(ids("a", 257), tokenizer.encode("abcd", false, true));
        assertArrayEquals(ids(256, "-", 258), tokenizer.encode("ab-abc", false, true));
    }

    @Test
    void swallowsSpaceToTheRightForPhi3() {
        String text = "<|user|> \n hi";
        TokenizerFixtures.Builder vocabulary = vocabulary(CONTROL, "<|user|>", "<s>");
        assertArrayEquals(ids(256, " \n hi"), vocabulary.tokenizer().encode(text, false, true));
        Tokenizer phi = vocabulary.put("general.name", GgufValueType.STRING, "Phi 3 Phi-3").tokenizer();
        assertArrayEquals(ids(256, "hi"), phi.encode(text, false, true));
        assertArrayEquals(ids(256), phi.encode("<|user|>\t", false, true));
        assertArrayEquals(ids(257, " a"), phi.encode("<s> a", false, true));
    }

    @Test
    void collectsTheTokensThatEndGeneration() {
        Tokenizer tokenizer = vocabulary(NORMAL, "<|im_end|>", "<end>", "<|fim_pad|>", "</s>", "x", "y", "<EOT>")
                .put("tokenizer.ggml.eos_token_id", GgufValueType.UINT32, 257L)
                .put("tokenizer.ggml.eot_token_id", GgufValueType.UINT32, 260L)
                .put("tokenizer.ggml.eom_token_id", GgufValueType.UINT32, 261L)
                .tokenizer();
        assertEquals(Set.of(256, 257, 258, 259, 260, 261, 262), tokenizer.endOfGeneration());
        assertEquals(256, tokenizer.endOfGeneration().first());
        assertTrue(tokenizer.isControl(256), "known by its text, so a control token whatever its type says");
        assertFalse(tokenizer.isControl(257));
        assertEquals(257, tokenizer.eos());
        assertFalse(tokenizer.isEndOfGeneration('a'));
        assertFalse(tokenizer.isEndOfGeneration(-1));
    }

    @Test
    void knowsWhereAnEndIsNone() {
        assertEquals(Set.of(256, 257), endOfGeneration("<|return|>", "<|call|>", "<|end|>"));
        assertEquals(Set.of(256, 257), endOfGeneration("<|return|>", "<|end|>"));
        assertEquals(Set.of(256), endOfGeneration("<|tool_response>", "</s>"));
    }

    private static Set<Integer> endOfGeneration(String... tokens) {
        return vocabulary(CONTROL, tokens).tokenizer().endOfGeneration();
    }

    @Test
    void ignoresIdsOutsideOfTheVocabulary() {
        Tokenizer tokenizer = vocabulary(NORMAL)
                .put("tokenizer.ggml.bos_token_id", GgufValueType.UINT32, 256L)
                .put("tokenizer.ggml.eos_token_id", GgufValueType.INT32, -1L)
                .put("tokenizer.ggml.add_bos_token", GgufValueType.BOOL, true)
                .put("tokenizer.ggml.add_eos_token", GgufValueType.BOOL, true)
                .tokenizer();
        assertEquals(-1, tokenizer.bos());
        assertEquals(-1, tokenizer.eos());
        assertEquals(Set.of(), tokenizer.endOfGeneration());
        assertArrayEquals(ids("x"), tokenizer.encode("x", true, true));
    }

    @Test
    void addsWhatTheFileAsksFor() {
        TokenizerFixtures.Builder vocabulary = vocabulary(CONTROL, "<s>", "</s>")
                .put("tokenizer.ggml.bos_token_id", GgufValueType.UINT32, 256L)
                .put("tokenizer.ggml.eos_token_id", GgufValueType.UINT32, 257L);
        assertArrayEquals(ids("x"), vocabulary.tokenizer().encode("x", true, true));
        vocabulary.put("tokenizer.ggml.pre", GgufValueType.STRING, "llama-bpe");
        assertArrayEquals(ids(256, "x"), vocabulary.tokenizer().encode("x", true, true));
        vocabulary.put("tokenizer.ggml.add_bos_token", GgufValueType.BOOL, false);
        vocabulary.put("tokenizer.ggml.add_eos_token", GgufValueType.BOOL, true);
        assertArrayEquals(ids("x", 257), vocabulary.tokenizer().encode("x", true, true));
        assertArrayEquals(ids("x"), vocabulary.tokenizer().encode("x", false, true));
    }
}
