package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.internal.tokenizer.SpecialTokens.Fragment;
import java.util.SortedSet;

/** What the tokenizers of GGUF files have in common. */
public abstract class GgufTokenizer implements Tokenizer {

    private static final byte[] NO_BYTES = {};

    private final Vocabulary vocabulary;
    private final SpecialTokens specialTokens;
    private final boolean addBos;
    private final boolean addEos;

    GgufTokenizer(GgufMetadata metadata, Vocabulary vocabulary, boolean defaultAddBos) {
        this.vocabulary = vocabulary;
        specialTokens = new SpecialTokens(vocabulary);
        addBos = metadata.bool("tokenizer.ggml.add_bos_token", defaultAddBos);
        addEos = metadata.bool("tokenizer.ggml.add_eos_token", false);
    }

    /**
     * Builds the tokenizer that a model file describes.
     *
     * @throws ModelFormatException if keys are missing or damaged, or name a tokenizer that is not supported
     */
    public static Tokenizer from(GgufMetadata metadata) {
        String model = metadata.requireString("tokenizer.ggml.model");
        return switch (model) {
            case "gpt2" -> new BytePairTokenizer(metadata);
            case "llama" -> new SentencePieceTokenizer(metadata);
            default ->
                throw new ModelFormatException(GambitException.line(
                        metadata.source() + ": tokenizer.ggml.model",
                        "one of gpt2, llama",
                        model,
                        "this kind of tokenizer is not supported; take a model of another family"));
        };
    }

    /** Encodes the pieces of one text between its special tokens. */
    interface FragmentEncoder {

        /**
         * Encodes a piece of text.
         *
         * @param afterSpecial whether a special token or nothing comes before it
         */
        void encode(String text, int from, int to, boolean afterSpecial);
    }

    /** Returns an encoder for one text, which adds its tokens to {@code tokens}. */
    abstract FragmentEncoder encoder(TokenBuffer tokens);

    /** Returns the bytes that an ordinary token stands for. */
    abstract byte[] ordinaryBytes(String text);

    /** Returns whether encoding puts a space before the text, which decoding then takes away. */
    abstract boolean addsSpacePrefix();

    @Override
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        TokenBuffer tokens = new TokenBuffer(text.length() / 4 + 8);
        if (addSpecial && addBos && bos() >= 0) {
            tokens.add(bos());
        }
        FragmentEncoder encoder = encoder(tokens);
        boolean afterSpecial = true;
        for (Fragment fragment : specialTokens.split(text, parseSpecial)) {
            if (fragment.token() >= 0) {
                tokens.add(fragment.token());
                afterSpecial = true;
            } else {
                encoder.encode(text, fragment.from(), fragment.to(), afterSpecial);
                afterSpecial = false;
            }
        }
        if (addSpecial && addEos && eos() >= 0) {
            tokens.add(eos());
        }
        return tokens.toArray();
    }

    @Override
    public String decode(int[] tokens, boolean special) {
        StringBuilder text = new StringBuilder(tokens.length * 4);
        Utf8Decoder decoder = new Utf8Decoder();
        for (int i = 0; i < tokens.length; i++) {
            byte[] bytes = tokenBytes(tokens[i], special);
            boolean prefixed = i == 0 && addsSpacePrefix() && bytes.length > 0 && bytes[0] == ' ';
            decoder.decode(bytes, prefixed ? 1 : 0, text);
        }
        decoder.flush(text);
        return text.toString();
    }

    @Override
    public byte[] tokenBytes(int token, boolean special) {
        String text = token(token);
        if (vocabulary.is(token, Vocabulary.CONTROL | Vocabulary.UNKNOWN)) {
            return special ? Utf8.encode(text) : NO_BYTES;
        }
        if (vocabulary.is(token, Vocabulary.USER_DEFINED)) {
            return Utf8.encode(text);
        }
        if (vocabulary.is(token, Vocabulary.NORMAL)) {
            return ordinaryBytes(text);
        }
        return vocabulary.is(token, Vocabulary.BYTE) ? namedByte(text) : NO_BYTES;
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    @Override
    public String token(int id) {
        if (id < 0 || id >= vocabulary.size()) {
            throw new GambitException(GambitException.line(
                    "token id", "0 to " + (vocabulary.size() - 1), id, "take ids of this model's own tokenizer"));
        }
        return vocabulary.text(id);
    }

    @Override
    public int bos() {
        return vocabulary.bos();
    }

    @Override
    public int eos() {
        return vocabulary.eos();
    }

    @Override
    public boolean isEndOfGeneration(int token) {
        return vocabulary.endOfGeneration().contains(token);
    }

    @Override
    public SortedSet<Integer> endOfGeneration() {
        return vocabulary.endOfGeneration();
    }

    @Override
    public boolean isControl(int token) {
        return token >= 0 && token < vocabulary.size() && vocabulary.is(token, Vocabulary.CONTROL);
    }

    /** Returns the byte that a token named {@code <0xAB>} stands for; none for another name. */
    private static byte[] namedByte(String text) {
        if (text.length() != 6 || !text.startsWith("<0x") || text.charAt(5) != '>') {
            return NO_BYTES;
        }
        int high = Character.digit(text.charAt(3), 16);
        int low = Character.digit(text.charAt(4), 16);
        return high < 0 || low < 0 ? NO_BYTES : new byte[] {(byte) (high << 4 | low)};
    }
}
