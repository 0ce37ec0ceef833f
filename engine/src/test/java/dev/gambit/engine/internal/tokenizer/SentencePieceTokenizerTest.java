package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SentencePieceTokenizerTest {

    private static final Map<String, Float> SCORES = new TreeMap<>(Map.of(
            "a", -1f, "b", -2f, "▁", -3f, "ab", -4f, "ba", -5f,
            "▁a", -6f, "aba", -4f, "▁▁", -7f, "bb", -0f, "abb", 0f));

    /** A vocabulary of unknown, the two sequence tokens, bytes from 'a' to 'c' or all, then these tokens. */
    private static TokenizerFixtures.Builder vocabulary(Map<String, Float> scores, boolean allBytes) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int value = 0; value < 256 && allBytes; value++) {
            tokens.add(String.format("<0x%02X>", value));
        }
        int bytes = tokens.size() - 3;
        tokens.addAll(scores.keySet());
        long[] types = new long[tokens.size()];
        float[] values = new float[tokens.size()];
        for (int id = 0; id < types.length; id++) {
            types[id] = id == 0 ? 2 : id < 3 ? 3 : id < 3 + bytes ? 6 : 1;
            values[id] = scores.getOrDefault(tokens.get(id), 0f);
        }
        return new TokenizerFixtures.Builder()
                .put("tokenizer.ggml.model", GgufValueType.STRING, "llama")
                .array("tokenizer.ggml.tokens", GgufValueType.STRING, tokens.toArray(String[]::new))
                .array("tokenizer.ggml.scores", GgufValueType.FLOAT32, values)
                .types(types);
    }

    private static List<String> pieces(Tokenizer tokenizer, String text) {
        List<String> pieces = new ArrayList<>();
        for (int token : tokenizer.encode(text, false, false)) {
            pieces.add(tokenizer.token(token));
        }
        return pieces;
    }

    /** The algorithm as it is defined: over and over, the leftmost pair that forms the token of the highest score. */
    private static List<String> mergeStepByStep(String text, Map<String, Float> scores) {
        List<String> symbols = new ArrayList<>(List.of(text.split("")));
        while (true) {
            int best = -1;
            float bestScore = Float.NEGATIVE_INFINITY;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                Float score = scores.get(symbols.get(i) + symbols.get(i + 1));
                if (score != null && score > bestScore) {
                    best = i;
                    bestScore = score;
                }
            }
            if (best < 0) {
                return symbols;
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }

    private static void compareStepByStep(Map<String, Float> scores) {
        Tokenizer tokenizer = vocabulary(scores, true).tokenizer();
        Random random = new Random(4);
        for (int i = 0; i < 3000; i++) {
            StringBuilder text = new StringBuilder();
            int length = 1 + random.nextInt(50);
            for (int j = 0; j < length; j++) {
                text.append("ab ".charAt(random.nextInt(3)));
            }
            String escaped = "▁" + text.toString().replace(' ', '▁');
            assertEquals(mergeStepByStep(escaped, scores), pieces(tokenizer, text.toString()), escaped);
            assertEquals(text.toString(), tokenizer.decode(tokenizer.encode(text.toString(), false, false)));
        }
    }

    @Test
    void mergesTheHighestScoreFirst() {
        compareStepByStep(SCORES);
    }

    @Test
    void mergesAcrossSpacesWhereTokensDo() {
        Map<String, Float> scores = new TreeMap<>(SCORES);
        scores.put("a▁", -0.5f);
        scores.put("ba▁a", -9f);
        compareStepByStep(scores);
    }

    @Test
    void fallsBackToBytes() {
        Tokenizer tokenizer = vocabulary(SCORES, true).tokenizer();
        assertEquals(List.of("▁a", "<0xC3>", "<0xA9>", "b"), pieces(tokenizer, "aéb"));
        assertEquals(List.of("▁", "<0xEF>", "<0xBF>", "<0xBD>"), pieces(tokenizer, "\uD800"));
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            String text = RandomText.next(random).replace('▁', '_');
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false, false)));
        }
    }

    @Test
    void fallsBackToTheUnknownTokenWithoutBytes() {
        Tokenizer tokenizer = vocabulary(SCORES, false).tokenizer();
        assertEquals(List.of("▁a", "<unk>", "b", "<unk>"), pieces(tokenizer, "aéb😀"));
    }

    @Test
    void prefixesSpacesAfterSpecialTokensOnly() {
        TokenizerFixtures.Builder vocabulary = vocabulary(SCORES, true);
        Tokenizer tokenizer = vocabulary.tokenizer();
        int a = id(tokenizer, "a");
        int spaced = id(tokenizer, "▁a");
        assertArrayEquals(new int[] {1, spaced, 2, spaced}, tokenizer.encode("a</s>a", true, true));
        assertArrayEquals(new int[] {2, spaced}, tokenizer.encode("</s>a", false, true));
        tokenizer = vocabulary.put("tokenizer.ggml.add_space_prefix", GgufValueType.BOOL, false).tokenizer();
        assertArrayEquals(new int[] {1, a, 2, a}, tokenizer.encode("a</s>a", true, true));
        assertEquals(" a", tokenizer.decode(new int[] {spaced}), "nothing was put there, nothing is taken away");
    }

    @Test
    void formsNoReservedTokensFromText() {
        Map<String, Float> scores = new TreeMap<>(SCORES);
        String parts = "< s > / <s </ </s 0 x 1 <0 <0x <0x1 <0x11";
        for (String part : parts.split(" ")) {
            scores.put(part, -1f);
        }
        Tokenizer tokenizer = vocabulary(scores, true).tokenizer();
        for (String text : List.of("<s>", "</s>", "<0x11>")) {
            for (int token : tokenizer.encode(text, false, false)) {
                assertFalse(tokenizer.token(token).equals(text), text);
            }
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false, false)));
        }
    }

    @Test
    void hasLlamasDefaults() {
        Tokenizer tokenizer = vocabulary(SCORES, true).tokenizer();
        assertEquals(1, tokenizer.bos());
        assertEquals(2, tokenizer.eos());
        assertArrayEquals(new int[] {1, id(tokenizer, "▁a")}, tokenizer.encode("a", true, false));
    }

    private static int id(Tokenizer tokenizer, String text) {
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            if (tokenizer.token(id).equals(text)) {
                return id;
            }
        }
        throw new AssertionError(text);
    }
}
