package dev.gambit.engine.internal.sampling;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.SamplingOptions;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Draws tokens, in the order of llama.cpp's default chain: biases, penalties, top-k, top-p, min-p, temperature, draw. The same
 * options, seed, history and logits give the same tokens on every machine. Not for use by several threads at once.
 */
public final class Sampler {

    private final SamplingOptions options;
    private final long seed;
    private final Candidates candidates = new Candidates();
    private SplitMix64 random;
    /** The last tokens: a ring of repeatLastN, or a growing list of all. */
    private int[] history;
    private int historySize;
    private int historyNext;
    private float[] adjusted = new float[0];
    private int[] seen = new int[0];

    /**
     * @param options how to draw
     */
    public Sampler(SamplingOptions options) {
        this.options = options;
        // as in llama.cpp a random seed has 32 bits, so that it can be shown and given again
        this.seed = options.seed() == SamplingOptions.RANDOM_SEED
                ? new SplittableRandom().nextInt() & 0xffffffffL : options.seed();
        reset();
    }

    /** @return the seed in use, drawn once if the options ask for a random one */
    public long seed() {
        return seed;
    }

    /** Forgets the tokens seen and starts the random numbers anew. */
    public void reset() {
        random = new SplitMix64(seed);
        history = new int[16];
        historySize = 0;
        historyNext = 0;
    }

    /**
     * Tells the sampler about a token of the sequence, of the prompt or drawn, for the penalties to count.
     *
     * @param token its id
     */
    public void accept(int token) {
        if (!options.hasPenalties()) {
            return;
        }
        int limit = options.repeatLastN() < 0 ? Integer.MAX_VALUE : options.repeatLastN();
        if (historyNext == history.length && history.length < limit) {
            history = Arrays.copyOf(history, (int) Math.min(limit, 2L * history.length));
        }
        if (historyNext >= Math.min(limit, history.length)) {
            historyNext = 0;
        }
        history[historyNext++] = token;
        historySize = Math.max(historySize, historyNext);
    }

    /**
     * Draws the next token; does not accept it.
     *
     * @param logits one per token of the vocabulary, unchanged on return
     * @return the token's id
     * @throws GambitException if the logits have no highest finite number
     */
    public int sample(float[] logits) {
        return sample(logits, null);
    }

    /**
     * Draws the next token among some; does not accept it. A bias that bans all of them is left out of account.
     *
     * @param logits one per token of the vocabulary, unchanged on return
     * @param allowed bits of the tokens to draw from; null for all
     * @return the token's id
     * @throws GambitException if the logits have no highest finite number
     */
    public int sample(float[] logits, long[] allowed) {
        float[] values = adjusted(logits, allowed);
        if (options.isGreedy()) {
            return likeliest(values, logits.length);
        }
        candidates.load(values, logits.length, options.topK());
        candidates.topP(options.topP());
        candidates.minP(options.minP());
        return candidates.draw(options.temperature(), random.nextDouble());
    }

    /**
     * Returns how many of the likeliest tokens suffice to draw one: 1 for a greedy choice, top-k's number otherwise.
     *
     * @return 0 where all logits are needed
     */
    public int candidatesNeeded() {
        if (options.hasPenalties() || !options.logitBias().isEmpty()) {
            return 0;
        }
        return options.isGreedy() ? 1 : Math.max(0, options.topK());
    }

    /**
     * Draws the next token from the likeliest ones, {@link #candidatesNeeded} of them; the same one as from all logits.
     *
     * @param ids their ids, the likeliest first, equal ones by their ids
     * @param logits their logits
     * @param count how many there are
     * @return the token's id
     * @throws GambitException if the logits have no highest finite number
     */
    public int sample(int[] ids, float[] logits, int count) {
        candidates.loadSorted(ids, logits, count);
        if (options.isGreedy()) {
            return ids[0];
        }
        candidates.topP(options.topP());
        candidates.minP(options.minP());
        return candidates.draw(options.temperature(), random.nextDouble());
    }

    private static int likeliest(float[] values, int length) {
        int best = -1;
        float highest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < length; i++) {
            if (values[i] > highest) {
                highest = values[i];
                best = i;
            }
        }
        if (best < 0 || highest == Float.POSITIVE_INFINITY) {
            throw new GambitException(GambitException.line("logits", "finite numbers",
                    best < 0 ? "none among " + length : "an infinite one", "check the model file"));
        }
        return best;
    }

    /** Returns the logits with biases and penalties, those alone that are allowed; in an array of its own if changed. */
    private float[] adjusted(float[] logits, long[] allowed) {
        if (!options.hasPenalties() && options.logitBias().isEmpty() && allowed == null) {
            return logits;
        }
        if (adjusted.length < logits.length) {
            adjusted = new float[logits.length];
            seen = new int[logits.length];
        }
        System.arraycopy(logits, 0, adjusted, 0, logits.length);
        options.logitBias().forEach((token, bias) -> {
            if (token < logits.length) {
                adjusted[token] += bias;
            }
        });
        if (options.hasPenalties()) {
            penalize(logits.length);
        }
        if (allowed != null && !restrict(logits.length, allowed)) {
            System.arraycopy(logits, 0, adjusted, 0, logits.length);
            restrict(logits.length, allowed);
        }
        return adjusted;
    }

    /** Leaves the allowed logits alone; returns whether any is left. */
    private boolean restrict(int length, long[] allowed) {
        boolean any = false;
        for (int i = 0; i < length; i++) {
            if ((allowed[i >> 6] >>> i & 1) == 0) {
                adjusted[i] = Float.NEGATIVE_INFINITY;
            } else {
                any |= adjusted[i] > Float.NEGATIVE_INFINITY;
            }
        }
        return any;
    }

    private void penalize(int length) {
        for (int i = 0; i < historySize; i++) {
            if (history[i] >= 0 && history[i] < length) {
                seen[history[i]]++;
            }
        }
        for (int i = 0; i < historySize; i++) {
            int token = history[i];
            if (token >= 0 && token < length && seen[token] > 0) {
                float logit = adjusted[token];
                // dividing a negative logit would make its token likelier
                logit = logit <= 0 ? logit * options.repeatPenalty() : logit / options.repeatPenalty();
                adjusted[token] = logit - (seen[token] * options.frequencyPenalty() + options.presencePenalty());
                seen[token] = 0;
            }
        }
    }
}
