package dev.gambit.app.server;

import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.TokenLogprobs;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A session that requests use in turn. A prompt's beginning that is there already, or in another slot, is not evaluated
 * again.
 *
 * <p>A text must not depend on what was served before, and a position evaluated alone (a generated token) has not the
 * same bits as one evaluated in a batch (a prompt's). So only positions of prompts are taken over, and enough is left
 * of the new prompt to be a batch, too.
 */
final class Slot {

    /** Positions that are certainly evaluated as a batch, by every backend. */
    static final int LEAST_BATCH = 32;
    /** What copying from another slot has to spare at least. */
    private static final int WORTH_COPYING = 32;
    /** On a GPU the order of sums depends on where a prompt is cut, unless it is at a multiple of this. */
    private static final int GPU_BATCH = 512;

    private final int id;
    private final LanguageModel model;
    private final List<Slot> all;
    /** Held while a beginning is looked for and taken: it must not be cut off meanwhile. */
    private final ReentrantLock beginnings;
    private final int unit;
    private volatile Session session;
    private Sparsity sparsity;
    private long lastUsed;

    private volatile boolean busy;
    private volatile long task = -1;
    private volatile int promptTokens;
    private volatile int decoded;
    private int cached;

    /**
     * @param sparsity what the model's sessions start with; null for dense
     * @param all the slots, this one among them
     * @param beginnings a lock that they share
     */
    Slot(int id, LanguageModel model, Sparsity sparsity, List<Slot> all, ReentrantLock beginnings) {
        this.id = id;
        this.model = model;
        this.sparsity = sparsity;
        this.all = all;
        this.beginnings = beginnings;
        unit = model.backendName().startsWith("CPU") ? 1 : GPU_BATCH;
    }

    int id() {
        return id;
    }

    boolean isBusy() {
        return busy;
    }

    long task() {
        return task;
    }

    int promptTokens() {
        return promptTokens;
    }

    int decoded() {
        return decoded;
    }

    long lastUsed() {
        return lastUsed;
    }

    void take(long forTask) {
        busy = true;
        task = forTask;
        promptTokens = 0;
        decoded = 0;
    }

    void leave() {
        lastUsed = System.nanoTime();
        busy = false;
    }

    /** Returns how many of a prompt's tokens need not be evaluated here. */
    int common(int[] prompt) {
        Session s = session;
        return s == null ? 0 : usable(s.reusable(s, prompt), prompt.length, unit);
    }

    /**
     * Returns how much of a beginning can be used so that the rest is evaluated as it would be with it.
     *
     * @param there tokens that are there
     * @param length tokens of the prompt
     * @param unit what the cut has to be a multiple of
     */
    static int usable(int there, int length, int unit) {
        return Math.max(0, Math.min(there, length - LEAST_BATCH)) / unit * unit;
    }

    /**
     * Generates the text of an index.
     *
     * @return what came of it; its timings count the tokens that were evaluated
     */
    GenerationResult generate(int[] prompt, GenerationRequest request, int index, GenerationListener listener) {
        promptTokens = prompt.length;
        decoded = 0;
        prepare(prompt, request);
        return session.generate(Arrays.copyOfRange(prompt, cached, prompt.length), request.options(index),
                new GenerationListener() {
                    @Override
                    public void token(int token, String text) {
                        decoded = decoded + 1; // one thread writes
                        listener.token(token, text);
                    }

                    @Override
                    public void logprobs(TokenLogprobs logprobs) {
                        listener.logprobs(logprobs);
                    }
                });
    }

    private void prepare(int[] prompt, GenerationRequest request) {
        beginnings.lock();
        try {
            if (session == null) {
                session = model.session();
            }
            if (!Objects.equals(sparsity, request.sparsity())) {
                session.sparsity(request.sparsity());
                sparsity = request.sparsity();
            }
            cached = request.cachePrompt() ? common(prompt) : 0;
            if (!request.cachePrompt() || !copied(prompt)) {
                session.truncate(Math.min(cached, session.position()));
                cached = session.position();
            }
        } finally {
            beginnings.unlock();
        }
    }

    /** Takes a beginning from a slot that has more of it. */
    private boolean copied(int[] prompt) {
        Session donor = null;
        int most = cached + WORTH_COPYING;
        for (Slot other : all) {
            Session s = other.session;
            if (s != null && s != session) {
                int there = session.reusable(s, prompt) / unit * unit;
                if (there > most) {
                    most = there;
                    donor = s;
                }
            }
        }
        if (donor == null) {
            return false;
        }
        session.adopt(donor, most);
        cached = most;
        // the other one is at work: what was seen of it before it was asked is not certain
        if (Arrays.mismatch(session.tokens(), 0, most, prompt, 0, most) >= 0) {
            cached = 0;
            return false;
        }
        return true;
    }

    /** Returns how many tokens of the last prompt were there already. */
    int cached() {
        return cached;
    }

    /** Returns how sparsely the running generation has been; from its own thread. */
    SparsityReport report() {
        return session.report();
    }

    /** Ends what runs within a token; from any thread. */
    void cancel() {
        Session s = session;
        if (s != null) {
            s.cancel();
        }
    }

    int contextLength() {
        return model.contextLength();
    }

    void close() {
        if (session != null) {
            session.close();
        }
    }
}
