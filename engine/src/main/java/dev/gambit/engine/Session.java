package dev.gambit.engine;

import dev.gambit.engine.internal.model.Backend;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.KvCache;
import dev.gambit.engine.internal.model.Likeliest;
import dev.gambit.engine.internal.model.Member;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.internal.model.Step;
import dev.gambit.engine.internal.sampling.Sampler;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;

/**
 * One sequence of tokens on a model, with its keys and values. Not for several threads at once, except {@link #cancel} and
 * {@link #close}; sessions of one model are independent of each other, and may be used by as many threads. Where several
 * generate at the same time, their tokens share passes over the weights; what a session computes does not depend on that.
 */
public final class Session implements AutoCloseable {

    /** Rows of logits computed at a time. */
    private static final int LOGIT_ROWS = 64;

    private final LanguageModel model;
    private final KvCache cache;
    private final SparsityCounter counter;
    private final Member member = new Member();
    private Sparsity sparsity;
    private Thresholds thresholds;
    private Thresholds prefillThresholds;
    /** The tokens evaluated so far. */
    private int[] history = new int[64];
    private int position;
    /** Leading positions that were evaluated as one prompt, with {@link #promptThresholds}. */
    private int promptLength;
    private Thresholds promptThresholds;
    /** Whether what follows belongs to a prompt whose beginning was adopted. */
    private boolean adopted;
    private volatile boolean cancelled;
    private boolean closed;

    Session(LanguageModel model, KvCache cache) {
        this.model = model;
        this.cache = cache;
        counter = new SparsityCounter(model.config());
        sparsity = model.initialSparsity();
        use(model.thresholds());
    }

    private void use(Thresholds from) {
        thresholds = from;
        prefillThresholds = model.options().densePrefill() ? null : from;
    }

    /**
     * Skips so much from the next token on: any level that the model's sidecar holds, of any policy that the weights were
     * laid out for; costs no reloading. On the CPU every policy can run on every layout, though fastest on that of the level
     * and policy the model was opened with. On a GPU those policies can run whose sites are among those of the policy it was
     * opened with; others are refused, as their matrices lie the other way round.
     *
     * @param what the policy (null for the sidecar's default) and level; its file must be null or the one that the model was
     *     opened with. Null runs dense
     * @throws GambitException where the model was opened without a sidecar, or the sidecar or the weights' layout does not
     *     have it
     */
    public void sparsity(Sparsity what) {
        Sparsity checked = what == null ? null : model.checkedSparsity(what);
        use(checked == null ? null : model.thresholdsOf(checked));
        sparsity = checked;
    }

    /**
     * Skips so much from the next token on, with the policy in use.
     *
     * @param level from 0 (exact zeros only) to the sidecar's highest
     * @throws GambitException as {@link #sparsity(Sparsity)}
     */
    public void sparsity(double level) {
        Sparsity now = sparsity == null ? model.initialSparsity() : sparsity;
        sparsity(new Sparsity(null, now == null ? null : now.policy(), level));
    }

    /** Returns the highest level it can run at; 0 where the model was opened without a sidecar. */
    public double maxSparsity() {
        return model.sidecar() == null ? 0 : model.sidecar().maxLevel();
    }

    /** Returns the policy and level it runs at; null where it is dense or runs with thresholds of the caller's own. */
    public Sparsity sparsity() {
        return sparsity;
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
        promptLength = Math.min(promptLength, length);
        adopted &= length > 0;
    }

    /**
     * Returns how many of a prompt's first tokens another session holds exactly as this one would compute them, so that
     * {@link #adopt} changes no bit of what follows: those at which both begin alike, that the other one evaluated as (part
     * of) a prompt, with the sparsity this session reads prompts with. Generated tokens do not count, since one position is
     * summed up in another order than many; adopting them, too, is possible, and as good as continuing that session.
     *
     * @param prompt the whole prompt, which is to be evaluated on this session from its beginning
     * @return at most one less than the prompt has tokens; 0 for prompts so short that they are evaluated token by token
     */
    public int reusable(Session other, int[] prompt) {
        if (other.model != model || prompt.length < model.backend().minBatch()
                || other.promptThresholds != prefillThresholds) {
            return 0;
        }
        int most = Math.min(other.promptLength, prompt.length - 1);
        int n = 0;
        while (n < most && other.history[n] == prompt[n]) {
            n++;
        }
        return n;
    }

    /**
     * Forgets everything and takes over the first tokens of another session, with their keys and values, instead of
     * evaluating them. The other one is only read, and may be in use; it must not be truncated or closed meanwhile.
     *
     * <p>What is evaluated or generated from next belongs to the same prompt: it goes through the model as part of a long
     * prompt does, however short it is. With a {@code length} of at most {@link #reusable} all that follows therefore has the
     * very bits of a session that evaluated the whole prompt itself. On a GPU that holds up to rounding: which tiles a
     * product is made of depends on how many tokens go through together.
     *
     * @param other a session of the same model
     * @param length tokens, at most {@code other.position()} and this session's context length
     * @throws GambitException for another model's session, more tokens than it has, or a closed one
     */
    public void adopt(Session other, int length) {
        if (other.model != model || other == this) {
            throw new GambitException(GambitException.line(
                    "session to adopt tokens of", "another one of the same model", other == this ? "the same session"
                            : "a session of " + other.model.info().name(),
                    "evaluate the tokens instead"));
        }
        model.enter();
        try {
            checkOpen();
            other.checkOpen();
            if (length < 0 || length > other.position) {
                throw new GambitException(GambitException.line(
                        "tokens to adopt", "0 to " + other.position, length, "adopt what has been evaluated"));
            }
            position = 0;
            promptLength = 0;
            if (length > 0) {
                model.backend().copy(other.cache, cache, length);
            }
            remember(other.history, 0, length);
            position = length;
            promptLength = Math.min(length, other.promptLength);
            promptThresholds = other.promptThresholds;
            adopted = length > 0;
        } finally {
            model.leave();
        }
    }

    private void remember(int[] tokens, int from, int n) {
        if (position + n > history.length) {
            history = Arrays.copyOf(history, Math.max(position + n, 2 * history.length));
        }
        System.arraycopy(tokens, from, history, position, n);
    }

    /** Returns the tokens evaluated so far, as many as {@link #position} says. */
    public int[] tokens() {
        return Arrays.copyOf(history, position);
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
        if (tokens.length == 1 && !adopted && model.backend().maxCandidates() > 0) {
            check(tokens);
            Likeliest one = new Likeliest(1, false);
            while (!step(tokens, 0, thresholds, null, one)) {
                // cancelling is about generations
            }
            return sampler.sample(one.tokens, one.logits, one.count);
        }
        return sampler.sample(evaluate(tokens));
    }

    private void evaluate(int[] tokens, float[] logits) {
        check(tokens);
        Backend backend = model.backend();
        if (!adopted && tokens.length < backend.minBatch()) {
            Thresholds which = tokens.length > 1 ? prefillThresholds : thresholds;
            if (tokens.length > 1 && tokens.length <= backend.maxSequences()) {
                together(tokens, which, logits);
                return;
            }
            for (int i = 0; i < tokens.length && !cancelled; i++) {
                step(tokens, i, which, i + 1 == tokens.length ? logits : null, null);
            }
            return;
        }
        int n;
        for (int from = 0; from < tokens.length && !cancelled; from += n) {
            // Who generates meanwhile waits for a part of the prompt at a time.
            int most = model.turns().isContended() ? backend.sharedBatch() : backend.maxBatch();
            n = Math.min(most, tokens.length - from);
            model.enter();
            try {
                Batch b = run(tokens, from, n, prefillThresholds, null);
                if (from + n == tokens.length) {
                    backend.logits(b, n - 1, 1, logits);
                }
            } finally {
                model.leave();
            }
        }
    }

    /** Takes one token through the model, together with those of other sessions; false where it was cancelled before. */
    private boolean step(int[] tokens, int at, Thresholds which, float[] logits, Likeliest likeliest) {
        int[] token = {tokens[at]};
        Batch b = new Batch(token, 1, position, cache, which, counter, null, false);
        if (!model.turns().step(new Step(member, b, logits, likeliest, this::checkRunnable))) {
            return false;
        }
        remember(token, 0, 1);
        position++;
        return true;
    }

    /** Takes a few tokens through the model side by side, with the bits that one after the other would have. */
    private void together(int[] tokens, Thresholds which, float[] logits) {
        int n = tokens.length;
        Batch[] batches = new Batch[n];
        float[][] wanted = new float[n][];
        wanted[n - 1] = logits;
        for (int i = 0; i < n; i++) {
            SparsityCounter own = new SparsityCounter(model.config());
            batches[i] = new Batch(new int[] {tokens[i]}, 1, position + i, cache, which, own, null, false);
        }
        model.enter();
        try {
            checkOpen();
            model.backend().steps(batches, wanted);
        } finally {
            model.leave();
        }
        for (Batch b : batches) {
            counter.add(b.counter());
        }
        remember(tokens, 0, n);
        position += n;
    }

    private void checkRunnable() {
        model.checkOpen();
        checkOpen();
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
        Batch b = new Batch(ids, n, position, cache, which, counter, listener, true);
        model.decoder().evaluate(b);
        if (promptLength == position && (position == 0 || promptThresholds == which)) {
            promptLength += n;
            promptThresholds = which;
        }
        remember(ids, 0, n);
        position += n;
        adopted = false;
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
        // Behind nothing but a prompt, such as one that was adopted or truncated to, this is the rest of it.
        adopted |= position > 0 && promptLength == position && promptThresholds == prefillThresholds;
        long start = System.nanoTime();
        evaluate(prompt, logits);
        for (int t : prompt) {
            sampler.accept(t);
        }
        if (prefillThresholds == null && thresholds != null) {
            counter.reset(); // a prompt that is read densely by intent would hide how sparsely the rest runs
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
            evaluated += step(next, 0, thresholds, likeliest == null ? logits : null, likeliest) ? 1 : 0;
        }
        model.turns().absent(member);
        long end = System.nanoTime();
        return g.result(
                cancelled,
                new Timings(prompt.length, prompted - start, evaluated, end - prompted),
                counter.report());
    }

    /** Ends a running generation within a token; callable from any thread. */
    public void cancel() {
        cancelled = true;
        model.turns().withdraw(member);
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
        model.turns().absent(member);
        model.enter();
        try {
            release();
            model.forget(this);
        } finally {
            model.leave();
        }
    }
}
