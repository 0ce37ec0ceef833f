package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;

/** Texts drawn evenly from the allowed tokens of a small vocabulary: the worst of all models. */
public final class RandomTexts {

    /** Some tokens of more bytes than one, of the kind real vocabularies have: across JSON's signs, and parts of characters. */
    private static final List<String> LONGER = List.of("\":", "\": \"", "\",\"", "\", \"", "{\"", "\"}", "\"}}", "[]",
            "{}",
            "},{", "], ", " the", "the ", "true", "false", "null", "10", "00", "123", ".5", "e+", "\\u", "\\n", "  ",
            "\n    ", "name", "value", "ame\"", "\"name", "-", "éa", "é", "😀", "abc", "2024-", "-01", "T1");

    /** A vocabulary of all bytes, the longer tokens and one that ends a text. */
    public static final Tokenizer TOKENIZER = new Vocabulary();

    private final Automaton automaton;
    private final Random random;

    /** The tokens of the last text. */
    public int tokens;
    /** The highest number of tokens that were ever thought to be needed at the beginning. */
    public final int shortest;

    /** Texts of a language. */
    public RandomTexts(Expr expr, long seed) {
        automaton = new Automaton(expr, new TokenTrie(TOKENIZER));
        random = new Random(seed);
        shortest = automaton.start().cost;
    }

    /** Draws a text of at most so many tokens; null where it is not complete. */
    public String next(int most) {
        ConstrainedText text = new ConstrainedText(automaton, TOKENIZER);
        List<Integer> drawn = new ArrayList<>();
        while (drawn.size() < most && !text.isFinished()) {
            long[] allowed = text.allowed(most - drawn.size());
            int[] ids = java.util.BitSet.valueOf(allowed).stream().toArray();
            int token = ids[random.nextInt(ids.length)];
            drawn.add(token);
            if (TOKENIZER.isEndOfGeneration(token)) {
                break;
            }
            text.accept(token);
        }
        tokens = drawn.size();
        return text.isComplete() ? TOKENIZER.decode(drawn.stream().mapToInt(i -> i).toArray()) : null;
    }

    private static final class Vocabulary implements Tokenizer {

        @Override
        public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(int[] tokens, boolean special) {
            java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
            for (int token : tokens) {
                bytes.writeBytes(tokenBytes(token));
            }
            return bytes.toString(StandardCharsets.UTF_8);
        }

        @Override
        public byte[] tokenBytes(int token, boolean special) {
            return token < 256 ? new byte[] {(byte) token}
                    : token - 256 < LONGER.size() ? LONGER.get(token - 256).getBytes(StandardCharsets.UTF_8)
                    : new byte[0];
        }

        @Override
        public int vocabularySize() {
            return 257 + LONGER.size();
        }

        @Override
        public String token(int id) {
            return decode(new int[] {id}, true);
        }

        @Override
        public int bos() {
            return -1;
        }

        @Override
        public int eos() {
            return vocabularySize() - 1;
        }

        @Override
        public boolean isEndOfGeneration(int token) {
            return token == eos();
        }

        @Override
        public SortedSet<Integer> endOfGeneration() {
            return new TreeSet<>(List.of(eos()));
        }

        @Override
        public boolean isControl(int token) {
            return token == eos();
        }
    }
}
