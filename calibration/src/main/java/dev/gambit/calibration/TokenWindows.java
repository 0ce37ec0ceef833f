package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Documents' tokens cut into windows of equal length, as llama-perplexity and llama-imatrix do: each document is tokenised
 * whole, their tokens are joined without separators, what does not fill a window is left out, and where the tokenizer adds a begin-of-sequence token, that token takes the
 * place of each window's first.
 */
public final class TokenWindows {

    private final int[] tokens;
    private final int size;
    private final int count;
    private final int bos;

    private TokenWindows(int[] tokens, int size, int count, int bos) {
        this.tokens = tokens;
        this.size = size;
        this.count = count;
        this.bos = bos;
    }

    /**
     * Tokenises documents.
     *
     * @param documents the texts, joined after they have been tokenised
     * @param size tokens of a window, at least 2
     * @param limit windows to keep at most; 0 for all
     * @throws GambitException where they do not fill one window
     */
    public static TokenWindows of(Tokenizer tokenizer, List<String> documents, int size, int limit) {
        int bos = bos(tokenizer);
        IntStream.Builder tokens = IntStream.builder();
        if (bos >= 0) {
            tokens.add(bos);
        }
        for (String document : documents) {
            for (int token : tokenizer.encode(document, false, false)) {
                tokens.add(token);
            }
        }
        return of(tokens.build().toArray(), size, limit, bos);
    }

    /** Returns the token that takes the place of each window's first; -1 where the tokenizer adds none. */
    public static int bos(Tokenizer tokenizer) {
        int[] special = tokenizer.encode("", true, false);
        return special.length > 0 && special[0] == tokenizer.bos() ? special[0] : -1;
    }

    /**
     * Cuts tokens into windows.
     *
     * @param size tokens of a window, at least 2
     * @param limit windows to keep at most; 0 for all
     * @param bos the token that takes the place of each window's first; -1 for none
     * @throws GambitException where the tokens do not fill one window
     */
    public static TokenWindows of(int[] tokens, int size, int limit, int bos) {
        if (size < 2 || limit < 0) {
            throw new GambitException(GambitException.line(
                    "window and number of chunks", "at least 2 and 0", size + " and " + limit, "choose larger ones"));
        }
        if (tokens.length < size) {
            throw new GambitException(GambitException.line(
                    "text", "at least " + size + " tokens, one window", tokens.length,
                    "give a longer text or a smaller window (-c)"));
        }
        int whole = tokens.length / size;
        return new TokenWindows(tokens, size, limit == 0 ? whole : Math.min(limit, whole), bos);
    }

    /** Returns the number of windows. */
    public int count() {
        return count;
    }

    /** Returns the tokens of a window. */
    public int size() {
        return size;
    }

    /** Returns the number of tokens of the whole text. */
    public int tokens() {
        return tokens.length;
    }

    /** Returns a window's tokens. */
    public int[] window(int index) {
        int[] window = Arrays.copyOfRange(tokens, index * size, (index + 1) * size);
        if (bos >= 0) {
            window[0] = bos;
        }
        return window;
    }
}
