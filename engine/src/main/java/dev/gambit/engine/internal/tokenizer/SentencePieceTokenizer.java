package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufMetadata;
import java.util.Locale;

/**
 * SentencePiece's byte-pair encoding ({@code tokenizer.ggml.model = llama}): characters, with spaces written as U+2581,
 * merged in the order of the scores of the tokens they form; what is in no token becomes bytes.
 */
final class SentencePieceTokenizer extends GgufTokenizer {

    private static final char SPACE = '\u2581';

    /**
     * Tokens that text cannot form. SentencePiece keeps these apart, so no text turns into a control token by merging.
     */
    private static final int RESERVED = Vocabulary.CONTROL | Vocabulary.UNKNOWN | Vocabulary.BYTE;

    private final Vocabulary vocabulary;
    private final int[] priorities;
    private final int[] byteTokens = new int[256];
    private final boolean addSpacePrefix;
    private final boolean splitsAtSpaces;

    /** Reads the vocabulary and the scores. */
    SentencePieceTokenizer(GgufMetadata metadata) {
        this(metadata, new Vocabulary(metadata, 1, 2, 0));
    }

    private SentencePieceTokenizer(GgufMetadata metadata, Vocabulary vocabulary) {
        super(metadata, vocabulary, true);
        this.vocabulary = vocabulary;
        addSpacePrefix = metadata.bool("tokenizer.ggml.add_space_prefix", true);
        priorities = priorities(metadata, vocabulary.size());
        for (int value = 0; value < 256; value++) {
            String hex = (value < 16 ? "0" : "") + Integer.toHexString(value).toUpperCase(Locale.ROOT);
            int token = vocabulary.table().find("<0x" + hex + ">");
            byteTokens[value] = token < 0 && value < 128 ? find(new char[] {(char) value}, 0, 1) : token;
        }
        splitsAtSpaces = splitsAtSpaces();
    }

    @Override
    FragmentEncoder encoder(TokenBuffer tokens) {
        return new PieceEncoder(tokens);
    }

    @Override
    byte[] ordinaryBytes(String text) {
        return Utf8.encode(text.replace(SPACE, ' '));
    }

    @Override
    boolean addsSpacePrefix() {
        return addSpacePrefix;
    }

    /** Turns scores into numbers of the opposite order: the best token has the lowest. */
    private static int[] priorities(GgufMetadata metadata, int tokens) {
        String key = "tokenizer.ggml.scores";
        float[] scores = metadata.reals(key);
        if (scores == null) {
            throw new ModelFormatException(GambitException.line(
                    metadata.source() + ": " + key, "an array of floats", "none", "convert the model again"));
        }
        Vocabulary.checkLength(metadata, key, scores.length, tokens);
        int[] priorities = new int[tokens];
        for (int id = 0; id < tokens; id++) {
            // Adding zero makes a negative zero equal to a positive one.
            int bits = Float.floatToIntBits(Float.isNaN(scores[id]) ? Float.NEGATIVE_INFINITY : scores[id] + 0f);
            priorities[id] = ~(bits ^ bits >> 31 & Integer.MAX_VALUE);
        }
        return priorities;
    }

    /**
     * Returns whether no token has a space after something else. Merges then never cross from one word to the next, and
     * words can be encoded one at a time, with the same result in less memory.
     */
    private boolean splitsAtSpaces() {
        for (int id = 0; id < vocabulary.size(); id++) {
            String text = vocabulary.text(id);
            for (int at = text.indexOf(SPACE, 1); at >= 0; at = text.indexOf(SPACE, at + 1)) {
                if (text.charAt(at - 1) != SPACE && !vocabulary.is(id, RESERVED)) {
                    return false;
                }
            }
        }
        return true;
    }

    private int find(char[] chars, int from, int to) {
        int token = vocabulary.table().find(chars, from, to);
        return token >= 0 && vocabulary.is(token, RESERVED) ? -1 : token;
    }

    /** Encodes pieces of text, in buffers of its own. A symbol is the token that it is by now. */
    private final class PieceEncoder extends SymbolMerger implements FragmentEncoder {

        private final TokenBuffer tokens;
        private final byte[] bytes = new byte[4];
        private char[] chars = new char[0];
        private int[] starts = new int[64];
        private int end;

        PieceEncoder(TokenBuffer tokens) {
            this.tokens = tokens;
        }

        @Override
        public void encode(String text, int from, int to, boolean afterSpecial) {
            int prefix = addSpacePrefix && afterSpecial ? 1 : 0;
            int length = prefix + to - from;
            if (chars.length < length) {
                chars = new char[length];
            }
            chars[0] = SPACE;
            text.getChars(from, to, chars, prefix);
            for (int i = prefix; i < length; i++) {
                if (chars[i] == ' ') {
                    chars[i] = SPACE;
                }
            }
            int word = 0;
            for (int i = 1; i < length && splitsAtSpaces; i++) {
                if (chars[i] == SPACE && chars[i - 1] != SPACE) {
                    encodeWord(word, i);
                    word = i;
                }
            }
            encodeWord(word, length);
        }

        @Override
        protected int pair(int left, int right) {
            return find(chars, starts[left], end(right));
        }

        @Override
        protected int priority(int pair) {
            return priorities[pair];
        }

        @Override
        protected int merged(int pair) {
            return pair;
        }

        private int end(int position) {
            return next(position) == NONE ? end : starts[next(position)];
        }

        private void encodeWord(int from, int to) {
            reserve(to - from);
            if (starts.length < to - from) {
                starts = new int[to - from + (to - from >> 2)];
            }
            end = to;
            int count = 0;
            for (int i = from; i < to;) {
                int codePoint = Character.codePointAt(chars, i, to);
                if (Character.getType(codePoint) == Character.SURROGATE) {
                    chars[i] = '\uFFFD';
                }
                starts[count] = i;
                i += Character.charCount(codePoint);
                set(count, find(chars, starts[count], i));
                count++;
            }
            merge(count);
            for (int i = 0; i != NONE; i = next(i)) {
                if (symbol(i) >= 0) {
                    tokens.add(symbol(i));
                } else {
                    emitBytes(Character.codePointAt(chars, starts[i], to));
                }
            }
        }

        /** Adds the tokens of a character's bytes, or the unknown token where the vocabulary lacks one of those. */
        private void emitBytes(int codePoint) {
            int length = Utf8.encode(codePoint, bytes, 0);
            boolean complete = true;
            for (int i = 0; i < length; i++) {
                complete &= byteTokens[bytes[i] & 0xFF] >= 0;
            }
            for (int i = 0; i < length && complete; i++) {
                tokens.add(byteTokens[bytes[i] & 0xFF]);
            }
            if (!complete && vocabulary.unknown() >= 0) {
                tokens.add(vocabulary.unknown());
            }
        }
    }
}
