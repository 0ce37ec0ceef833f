package dev.gambit.engine;

import dev.gambit.engine.internal.model.Backend;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.KvCache;
import dev.gambit.engine.internal.model.Likeliest;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.internal.sampling.Sampler;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;

/**
 * One sequence of tokens on a model, with its keys and values. Not for several threads at once, except {@link #cancel};
 * sessions of one model are independent of each other.
 */
public final class Session implements AutoCloseable {

    /** Rows of logits computed at a time. */
    private static final int LOGIT_ROWS = 64;

    private final LanguageModel model;
    private final KvCache cache;
    private final SparsityCounter counter;
    private Thresholds thresholds;
    private Thresholds prefillThresholds;
    private int position;
    private volatile boolean cancelled;
    private boolean closed;

    Session(LanguageModel model, KvCache cache) {
        this.model = model;
        this.cache = cache;
        counter = new SparsityCounter(model.config());
        thresholds = model.thresholds();
        prefillThresholds = model.options().densePrefill() ? null : thresholds;
    }

    /** Returns the number of tokens evaluated so far. */
    public int position() {
        return position;
    }

    /** Returns the number of tokens it has room for. */
    public int contextLength() {
        return cache.capacity();
    }

    /** Forgets the tokens from {@code length} on. */
    public void truncate(int length) {
        if (length < 0 || length > position) {
            throw new GambitException(GambitException.line(
                    "length", "0 to " + position, length, "truncate to what has been evaluated"));
        }
        position = length;
    }

    /** Returns how sparsely this session ran since it was made or {@link #resetReport} was called. */
    public SparsityReport report() {
        return counter.report();
    }

    /** Returns how often kernels ran that skip channels. */
    public long sparseKernelCalls() {
        return counter.sparseKernelCalls();
    }

    /** Starts a new {@link #report}. */
    public void resetReport() {
        counter.reset();
    }

    /**
     * Appends tokens and returns the logits behind the last one.
     *
     * @return {@code [vocabulary]}
     * @throws GambitException where the context has no room for them
     */
    public float[] evaluate(int[] tokens) {
        cancelled = false; // an earlier generation's
        float[] logits = new float[model.config().vocabulary()];
        evaluate(tokens, logits);
        return logits;
    }

    /**
     * Appends tokens and returns the likeliest one behind the last; the same as a look at {@link #evaluate}'s logits, for
     * which a GPU need not hand them out.
     *
     * @return its id; the lowest where several are equally likely
     * @throws GambitException where the context has no room for the tokens
     */
    public int likeliest(int[] tokens) {
        Sampler sampler = new Sampler(SamplingOptions.greedy());
        if (tokens.length == 1 && model.backend().maxCandidates() > 0) {
            Likeliest one = new Likeliest(1, false);
            step(tokens, one);
            return sampler.sample(one.tokens, one.logits, one.count);
        }
        return sampler.sample(evaluate(tokens));
    }

    private void evaluate(int[] tokens, float[] logits) {
        check(tokens);
        int max = tokens.length < model.backend().minBatch() ? 1 : model.backend().maxBatch();
        Thresholds which = tokens.length > 1 ? prefillThresholds : thresholds;
        for (int from = 0; from < tokens.length && !cancelled; from += max) {
            int n = Math.min(max, tokens.length - from);
            model.enter();
            try {
                Batch b = run(tokens, from, n, which, null);
                if (from + n == tokens.length) {
                    model.backend().logits(b, n - 1, 1, logits);
                }
            } finally {
                model.leave();
            }
        }
    }

    /**
     * Appends tokens and hands out the logits of the positions from {@code from} on.
     *
     * @param tokens what to append
     * @param from index within {@code tokens} of the first position whose logits are wanted
     * @param listener receives them
     */
    public void evaluate(int[] tokens, int from, LogitsListener listener) {
        check(tokens);
        Backend backend = model.backend();
        int vocabulary = model.config().vocabulary();
        float[] logits = new float[Math.min(LOGIT_ROWS, Math.max(1, tokens.length - from)) * vocabulary];
        for (int at = 0; at < tokens.length; at += backend.maxBatch()) {
            int n = Math.min(backend.maxBatch(), tokens.length - at);
            model.enter();
            try {
                Batch b = run(tokens, at, n, prefillThresholds, null);
                for (int r = Math.max(0, from - at); r < n; r += LOGIT_ROWS) {
                    int rows = Math.min(LOGIT_ROWS, n - r);
                    backend.logits(b, r, rows, logits);
                    listener.logits(at + r, rows, logits);
                }
            } finally {
                model.leave();
            }
        }
    }

    /** Appends tokens while a listener sees the layers' vectors; no logits. */
    public void observe(int[] tokens, ActivationListener listener) {
        check(tokens);
        int max = model.backend().maxBatch();
        for (int from = 0; from < tokens.length; from += max) {
            model.enter();
            try {
                run(tokens, from, Math.min(max, tokens.length - from), prefillThresholds, listener);
            } finally {
                model.leave();
            }
        }
    }

    private Batch run(int[] tokens, int from, int n, Thresholds which, ActivationListener listener) {
        checkOpen();
        int[] ids = from == 0 ? tokens : Arrays.copyOfRange(tokens, from, from + n);
        Batch b = new Batch(ids, n, position, cache, which, counter, listener);
        model.decoder().evaluate(b);
        position += n;
        return b;
    }

    private void check(int[] tokens) {
        if (tokens.length == 0) {
            throw new GambitException(GambitException.line("tokens", "at least one", "none", "pass a text"));
        }
        for (int t : tokens) {
            if (t < 0 || t >= model.config().vocabulary()) {
                throw new GambitException(GambitException.line(
                        "token", "0 to " + (model.config().vocabulary() - 1), t, "use this model's tokenizer"));
            }
        }
        if (tokens.length > cache.capacity() - position) {
            throw new GambitException(GambitException.line(
                    "context of " + cache.capacity() + " tokens with " + position + " in use",
                    "at most " + (cache.capacity() - position) + " more",
                    tokens.length,
                    "shorten the text or open the model with a longer context (-c)"));
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new GambitException(
                    GambitException.line("session", "an open one", "a closed one",
                            "make a new one with model.session()"));
        }
    }

    /** Generates from a text; see {@link #generate(int[], GenerationOptions, GenerationListener)}. */
    public GenerationResult generate(String prompt, GenerationOptions options, GenerationListener listener) {
        return generate(
                model.tokenizer().encode(prompt, position == 0, options.parseSpecial()), options, listener);
    }

    /**
     * Appends a prompt and generates until the model ends, a stop text comes up, a limit is met or {@link #cancel} is called.
     *
     * @param prompt at least one token
     * @param options what to generate and how
     * @param listener hears of each token
     * @throws GambitException where the prompt does not fit the context
     */
    public GenerationResult generate(int[] prompt, GenerationOptions options, GenerationListener listener) {
        cancelled = false;
        Generation g = new Generation(model.tokenizer(), options, listener, model.begin(options.constraint()));
        Sampler sampler = new Sampler(options.sampling());
        float[] logits = new float[model.config().vocabulary()];
        counter.reset();
        long start = System.nanoTime();
        evaluate(prompt, logits);
        for (int t : prompt) {
            sampler.accept(t);
        }
        long prompted = System.nanoTime();
        int evaluated = 0;
        int[] next = new int[1];
        int candidates = sampler.candidatesNeeded();
        Likeliest likeliest = candidates > 0 && candidates <= model.backend().maxCandidates()
                && !g.wantsLogits()
                        ? new Likeliest(candidates, options.sampling().isGreedy()) : null;
        while (!cancelled && g.wantsMore()) {
            next[0] = likeliest == null || evaluated == 0
                    ? sampler.sample(logits, g.allowed(cache.capacity() - position + 1))
                    : sampler.sample(likeliest.tokens, likeliest.logits, likeliest.count);
            sampler.accept(next[0]);
            if (!g.add(next[0], logits)) {
                break;
            }
            if (position == cache.capacity()) {
                g.contextFull();
                break;
            }
            if (likeliest == null) {
                evaluate(next, logits);
            } else {
                step(next, likeliest);
            }
            evaluated++;
        }
        long end = System.nanoTime();
        return g.result(
                cancelled,
                new Timings(prompt.length, prompted - start, evaluated, end - prompted),
                counter.report());
    }

    private void step(int[] token, Likeliest likeliest) {
        check(token);
        model.enter();
        try {
            checkOpen();
            model.backend().step(new Batch(token, 1, position, cache, thresholds, counter, null), likeliest);
            position++;
        } finally {
            model.leave();
        }
    }

    /** Ends a running generation within a token; callable from any thread. */
    public void cancel() {
        cancelled = true;
    }

    void release() {
        if (!closed) {
            closed = true;
            cache.close();
        }
    }

    /** Frees the cache; waits for a batch that is running. Closing twice is harmless. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        model.enter();
        try {
            release();
            model.forget(this);
        } finally {
            model.leave();
        }
    }
}
