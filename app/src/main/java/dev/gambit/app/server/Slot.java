package dev.gambit.app.server;

import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import java.util.Arrays;

/**
 * A session that requests use in turn, and what it has evaluated. A prompt's beginning that is there already is not
 * evaluated again.
 *
 * <p>A text must not depend on what was served before, and a position evaluated alone (a generated token) has not the
 * same bits as one evaluated in a batch (a prompt's). So only positions of prompts are taken over, and enough is left
 * of the new prompt to be a batch, too.
 */
final class Slot {

    /** Positions that are certainly evaluated as a batch, by every backend. */
    static final int LEAST_BATCH = 32;
    /** Every backend's batches begin at multiples of this, or are one. */
    static final int BATCH = 512;

    private final int id;
    private final LanguageModel model;
    private Session session;
    /** What a prompt left in the session: the first {@code kept} positions are these tokens. */
    private int[] tokens = {};
    private int kept;
    private long lastUsed;

    private volatile boolean busy;
    private volatile long task = -1;
    private volatile int promptTokens;
    private volatile int decoded;
    private int cached;

    Slot(int id, LanguageModel model) {
        this.id = id;
        this.model = model;
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
        return common(tokens, kept, prompt);
    }

    static int common(int[] tokens, int kept, int[] prompt) {
        int most = Math.min(Math.min(kept, tokens.length), prompt.length - LEAST_BATCH);
        if (most <= 0) {
            return 0;
        }
        int common = Arrays.mismatch(tokens, 0, most, prompt, 0, most);
        common = common < 0 ? most : common;
        // The last position of a prompt may be a batch of its own; then it has to be one without the beginning, too.
        if (prompt.length % BATCH == 1) {
            return common / BATCH * BATCH;
        }
        return (prompt.length - common) % BATCH == 1 ? common - 1 : common;
    }

    /**
     * Generates from a prompt.
     *
     * @param cachePrompt whether its beginning may come from what is there
     * @return what came of it; its timings count the tokens that were evaluated
     */
    GenerationResult generate(int[] prompt, boolean cachePrompt, GenerationOptions options,
            GenerationListener listener) {
        if (session == null) {
            session = model.session();
        }
        int common = cachePrompt ? common(prompt) : 0;
        promptTokens = prompt.length;
        decoded = 0;
        session.truncate(Math.min(common, session.position()));
        common = session.position();
        cached = common;
        kept = 0;
        boolean done = false;
        try {
            GenerationResult result = session.generate(Arrays.copyOfRange(prompt, common, prompt.length), options,
                    (token, text) -> {
                        decoded = decoded + 1; // one thread writes
                        listener.token(token, text);
                    });
            done = true;
            return result;
        } finally {
            tokens = prompt;
            // a short prompt was evaluated token by token
            kept = prompt.length < LEAST_BATCH ? 0 : Math.min(prompt.length, session.position());
            if (!done || prompt.length % BATCH == 1) {
                kept = kept / BATCH * BATCH;
            }
        }
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
