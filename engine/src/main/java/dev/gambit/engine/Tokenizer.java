package dev.gambit.engine;

import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.internal.tokenizer.GgufTokenizer;
import java.util.SortedSet;

/**
 * Turns text into token ids and back, as llama.cpp does for the same file. Immutable and safe for use by several
 * threads.
 *
 * <p>Text that is not well-formed is no error: an unpaired surrogate counts as U+FFFD. A token id outside of the
 * vocabulary is a {@link GambitException}.
 */
public interface Tokenizer {

    /**
     * Builds the tokenizer that a model file describes.
     *
     * @param metadata the file's metadata, of which the {@code tokenizer.ggml.*} keys are read
     * @throws ModelFormatException if keys are missing or damaged, or name a tokenizer that is not supported
     */
    static Tokenizer from(GgufMetadata metadata) {
        return GgufTokenizer.from(metadata);
    }

    /**
     * Encodes text.
     *
     * @param text the text, of any length
     * @param addSpecial whether to add the begin-of-sequence and end-of-sequence tokens that the model wants
     * @param parseSpecial whether the text of a control token stands for that token; leave it off for text from
     *     strangers, who could otherwise write turns of a chat themselves. User-defined tokens are always recognised.
     * @return the token ids
     */
    int[] encode(String text, boolean addSpecial, boolean parseSpecial);

    /** Returns the text of some tokens, control tokens left out. */
    default String decode(int[] tokens) {
        return decode(tokens, false);
    }

    /**
     * Returns the text of some tokens. Where {@link #encode} put a space before the text, it is taken away again; bytes
     * that are not UTF-8 become U+FFFD.
     *
     * @param tokens the token ids
     * @param special whether control tokens are written as their text or left out
     */
    String decode(int[] tokens, boolean special);

    /** Returns the bytes that a token adds to a text: UTF-8, or a part of a character; none for a control token. */
    default byte[] tokenBytes(int token) {
        return tokenBytes(token, false);
    }

    /**
     * Returns the bytes that a token adds to a text: UTF-8, or a part of a character.
     *
     * @param token the token id
     * @param special whether a control token is written as its text or adds nothing
     */
    byte[] tokenBytes(int token, boolean special);

    /** Returns the number of tokens; ids run from 0 to one less. */
    int vocabularySize();

    /** Returns a token's text as it stands in the vocabulary, escapes and all. */
    String token(int id);

    /** Returns the begin-of-sequence token, or -1 if there is none. */
    int bos();

    /** Returns the end-of-sequence token, or -1 if there is none. */
    int eos();

    /** Returns whether generation ends where the model says this token. */
    boolean isEndOfGeneration(int token);

    /** Returns all tokens that end generation, in ascending order. */
    SortedSet<Integer> endOfGeneration();

    /** Returns whether the token is a control token: one with a meaning for the model and none for the reader. */
    boolean isControl(int token);

    /** Starts decoding tokens one at a time, control tokens left out. */
    default StreamingDecoder streamingDecoder() {
        return streamingDecoder(false);
    }

    /**
     * Starts decoding tokens one at a time.
     *
     * @param special whether control tokens are written as their text or left out
     */
    default StreamingDecoder streamingDecoder(boolean special) {
        return new StreamingDecoder(this, special);
    }
}
