package dev.gambit.engine;

import dev.gambit.engine.GenerationResult.Finish;
import java.util.Arrays;

/** The text of a generation as it grows: whole characters, stop texts held back and cut off. */
final class Generation {

    private final Tokenizer tokenizer;
    private final GenerationOptions options;
    private final GenerationListener listener;
    private final StreamingDecoder decoder;
    private final StringBuilder text = new StringBuilder();
    private int[] tokens = new int[64];
    private int count;
    /** Characters of {@link #text} the listener has been given. */
    private int told;

    private Finish finish;

    Generation(Tokenizer tokenizer, GenerationOptions options, GenerationListener listener) {
        this.tokenizer = tokenizer;
        this.options = options;
        this.listener = listener;
        decoder = tokenizer.streamingDecoder();
    }

    /** Returns whether another token may be drawn. */
    boolean wantsMore() {
        if (options.maxTokens() >= 0 && count >= options.maxTokens()) {
            finish = finish == null ? Finish.LENGTH : finish;
        }
        return finish == null;
    }

    void contextFull() {
        finish = Finish.CONTEXT_FULL;
    }

    /** Adds a token; false when it ends the generation. */
    boolean add(int token) {
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        if (tokenizer.isEndOfGeneration(token) && !options.ignoreEndOfGeneration()) {
            finish = Finish.END_OF_GENERATION;
            tell(token, text.length());
            return false;
        }
        int searchFrom = told;
        text.append(decoder.add(token));
        int end = stopAt(searchFrom);
        if (end >= 0) {
            text.setLength(end);
            finish = Finish.STOP;
            tell(token, end);
            return false;
        }
        tell(token, text.length() - heldBack());
        return wantsMore();
    }

    private int stopAt(int from) {
        int first = -1;
        for (String stop : options.stop()) {
            int at = text.indexOf(stop, from);
            first = at >= 0 && (first < 0 || at < first) ? at : first;
        }
        return first;
    }

    /** The longest end of the text that may become a stop text. */
    private int heldBack() {
        int held = 0;
        for (String stop : options.stop()) {
            for (int n = Math.min(stop.length() - 1, text.length() - told); n > held; n--) {
                if (stop.startsWith(text.substring(text.length() - n))) {
                    held = n;
                }
            }
        }
        return held;
    }

    private void tell(int token, int upTo) {
        String more = upTo > told ? text.substring(told, upTo) : "";
        told = Math.max(told, upTo);
        listener.token(token, more);
    }

    GenerationResult result(boolean cancelled, Timings timings, SparsityReport sparsity) {
        if (finish != Finish.STOP) {
            text.append(decoder.flush());
            if (text.length() > told && count > 0) {
                tell(tokens[count - 1], text.length());
            }
        }
        Finish why = cancelled ? Finish.CANCELLED : finish == null ? Finish.LENGTH : finish;
        return new GenerationResult(text.toString(), Arrays.copyOf(tokens, count), why, timings, sparsity);
    }
}
