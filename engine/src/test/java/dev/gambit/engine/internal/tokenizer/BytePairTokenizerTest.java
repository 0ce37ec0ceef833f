package dev.gambit.engine.internal.tokenizer;

import static dev.gambit.engine.internal.tokenizer.TokenizerFixtures.bytePair;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufValueType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BytePairTokenizerTest {

    private static final List<String> MERGES =
            List.of("b c", "a a", "aa a", "a b", "d c", "c d", "aa aa", "ab cd", "Ġ a", "bc d", "Ġa bc", "Ã ©", "a Ã©");

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "default"})
    void decodesWhatItEncoded(String pre) {
        Tokenizer tokenizer = bytePair(pre, products()).merges(MERGES.toArray(String[]::new)).tokenizer();
        Random random = new Random(1);
        for (int i = 0; i < 3000; i++) {
            String text = RandomText.next(random);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false, true)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {TokenizerFixtures.GPT2, TokenizerFixtures.FABLE})
    void decodesWhatItEncodedWithARealVocabulary(String model) {
        Tokenizer tokenizer = TokenizerFixtures.tokenizer(model);
        Random random = new Random(2);
        for (int i = 0; i < 3000; i++) {
            String text = RandomText.next(random);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false, false)));
        }
    }

    @Test
    void mergesTheBestPairFirst() {
        Tokenizer tokenizer = bytePair("gpt-2", products()).merges(MERGES.toArray(String[]::new)).tokenizer();
        Random random = new Random(3);
        for (int i = 0; i < 3000; i++) {
            StringBuilder text = new StringBuilder();
            int length = 1 + random.nextInt(60);
            for (int j = 0; j < length; j++) {
                text.append((char) ('a' + random.nextInt(4)));
            }
            assertEquals(mergeStepByStep(text.toString()), pieces(tokenizer, text.toString()));
        }
    }

    @Test
    void splitsSymbolsThatAreNoTokens() {
        // "ab" is no token: it merges on to "abc", and falls apart where it does not.
        Tokenizer tokenizer = bytePair("gpt-2", "abc").merges("a b", "ab c").tokenizer();
        assertEquals(List.of("abc"), pieces(tokenizer, "abc"));
        assertEquals(List.of("a", "b", "d"), pieces(tokenizer, "abd"));
    }

    @Test
    void losesBytesWithoutTokens() {
        String[] tokens = {"a", "b", "ab"};
        Tokenizer tokenizer = bytePair("gpt-2")
                .array("tokenizer.ggml.tokens", GgufValueType.STRING, tokens)
                .merges("a b")
                .tokenizer();
        assertArrayEquals(new int[] {2, 0}, tokenizer.encode("abéca", false, false));
    }

    @Test
    void takesWholeWordsThatAreTokensForLlama3() {
        String[] tokens = {"ab", "Ġabcd"};
        assertEquals(List.of("Ġabcd"), pieces(bytePair("llama-bpe", tokens).merges("a b").tokenizer(), " abcd"));
        Tokenizer other = bytePair("qwen2", tokens).merges("a b").tokenizer();
        assertEquals(List.of("Ġ", "ab", "c", "d"), pieces(other, " abcd"));
    }

    @Test
    void takesTheFirstOfEqualMergesAndIgnoresOthers() {
        Tokenizer tokenizer = bytePair("gpt-2", "ab", "bc").merges("a b", "malformed", "b c", "b c", "a b").tokenizer();
        assertEquals(List.of("ab", "c"), pieces(tokenizer, "abc"));
        assertEquals(List.of("bc"), pieces(tokenizer, "bc"));
    }

    @Test
    void replacesUnpairedSurrogates() {
        Tokenizer tokenizer = bytePair("smollm").merges("a b").tokenizer();
        for (String text : new String[] {"\uD83D", "\uDE00", "a\uD83D b", "\uDE00\uD83D", "1\uD83D1"}) {
            String expected = text.replaceAll("\\p{Cs}", "\uFFFD");
            assertEquals(expected, tokenizer.decode(tokenizer.encode(text, true, true)));
        }
        String pairAfterSurrogate = "\uD83D\uD83D\uDE00";
        assertEquals("\uFFFD\uD83D\uDE00", tokenizer.decode(tokenizer.encode(pairAfterSurrogate, true, true)));
    }

    @Test
    void refusesIdsOutsideOfTheVocabulary() {
        Tokenizer tokenizer = bytePair("gpt-2").merges("a b").tokenizer();
        for (int id : new int[] {-1, 256, Integer.MAX_VALUE}) {
            assertThrows(GambitException.class, () -> tokenizer.decode(new int[] {'a', id}));
            assertThrows(GambitException.class, () -> tokenizer.token(id));
            String message = assertThrows(GambitException.class, () -> tokenizer.tokenBytes(id)).getMessage();
            assertTrue(message.contains("0 to 255") && message.contains(String.valueOf(id)), message);
        }
    }

    @Test
    void takesCharactersThatStandForNoByteAsTheyAre() {
        Tokenizer tokenizer = bytePair("gpt-2", "漢 😀").merges("a b").tokenizer();
        assertEquals("漢 😀", tokenizer.decode(new int[] {256}));
    }

    private static String[] products() {
        Set<String> products = new LinkedHashSet<>();
        MERGES.forEach(merge -> products.add(merge.replace(" ", "")));
        return products.toArray(String[]::new);
    }

    /** The algorithm as it is defined: over and over, the leftmost pair of the lowest rank. */
    private static List<String> mergeStepByStep(String word) {
        List<String> symbols = new ArrayList<>(List.of(word.split("")));
        while (true) {
            int best = -1;
            int bestRank = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                int rank = MERGES.indexOf(symbols.get(i) + " " + symbols.get(i + 1));
                if (rank >= 0 && rank < bestRank) {
                    best = i;
                    bestRank = rank;
                }
            }
            if (best < 0) {
                return symbols;
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }

    private static List<String> pieces(Tokenizer tokenizer, String text) {
        List<String> pieces = new ArrayList<>();
        for (int token : tokenizer.encode(text, false, false)) {
            pieces.add(tokenizer.token(token));
        }
        return pieces;
    }
}
