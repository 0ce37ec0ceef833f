package dev.gambit.engine;

import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.internal.grammar.ConstrainedText;
import dev.gambit.engine.internal.sampling.LogProbabilities;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The text of a generation as it grows: whole characters, stop texts held back and cut off. */
final class Generation {

    private final Tokenizer tokenizer;
    private final GenerationOptions options;
    private final GenerationListener listener;
    private final StreamingDecoder decoder;
    /** What the text has to be; null where it is free. */
    private final ConstrainedText constrained;
    private final StringBuilder text = new StringBuilder();
    private final List<TokenLogprobs> logprobs = new ArrayList<>();
    private int[] tokens = new int[64];
    private int count;
    /** Characters of {@link #text} the listener has been given. */
    private int told;

    private Finish finish;

    Generation(Tokenizer tokenizer, GenerationOptions options, GenerationListener listener,
            ConstrainedText constrained) {
        this.tokenizer = tokenizer;
        this.options = options;
        this.listener = listener;
        this.constrained = constrained;
        decoder = tokenizer.streamingDecoder();
        for (int biased : options.sampling().logitBias().keySet()) {
            if (biased >= tokenizer.vocabularySize()) {
                throw new GambitException(GambitException.line("logit bias",
                        "token ids up to " + (tokenizer.vocabularySize() - 1), biased, "use this model's tokenizer"));
            }
        }
    }

    /** Returns whether all logits are needed for each token, the likeliest ones not being enough. */
    boolean wantsLogits() {
        return options.topLogprobs() >= 0 || constrained != null;
    }

    /**
     * Returns the tokens that may come next, as bits; null for all.
     *
     * @param room how many more the context has room to draw
     */
    long[] allowed(int room) {
        return constrained == null ? null
                : constrained.allowed(options.maxTokens() < 0 ? room : Math.min(room, options.maxTokens() - count));
    }

    /** Adds a token as {@link #add(int)} does; the logits are those it was drawn from, before any sampler. */
    boolean add(int token, float[] logits) {
        if (options.topLogprobs() >= 0) {
            List<LogProbabilities.Entry> entries = LogProbabilities.ofAndTop(logits, token, options.topLogprobs());
            List<TokenLogprob> named = entries.stream()
                    .map(e -> new TokenLogprob(e.token(), tokenizer.tokenBytes(e.token(), true), e.value())).toList();
            TokenLogprobs told = new TokenLogprobs(named.get(0), named.subList(1, named.size()));
            logprobs.add(told);
            listener.logprobs(told);
        }
        return add(token);
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
        if (tokenizer.isEndOfGeneration(token) && (constrained != null || !options.ignoreEndOfGeneration())) {
            finish = Finish.END_OF_GENERATION;
            tell(token, text.length());
            return false;
        }
        if (constrained != null) {
            constrained.accept(token);
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
        if (constrained != null && constrained.isFinished()) {
            finish = Finish.END_OF_GENERATION;
        }
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
        return new GenerationResult(text.toString(), Arrays.copyOf(tokens, count), why, timings, sparsity, logprobs);
    }
}
