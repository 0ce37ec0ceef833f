package dev.gambit.engine.internal.model;

import java.util.concurrent.locks.Condition;

/** One position of a sequence that is to be taken through the model, alone or together with other sequences' positions. */
public final class Step {

    private final Member member;
    private final Batch batch;
    private final float[] logits;
    private final Likeliest likeliest;
    private final Runnable check;

    // What Turns keeps; guarded by its lock.
    Condition wake;
    boolean leads;
    boolean taken;
    boolean withdrawn;
    boolean done;

    private Throwable failure;

    /**
     * @param member whose sequence it belongs to
     * @param batch a batch of one position without a listener
     * @param logits receives {@code [vocabulary]}; null where nobody asks
     * @param likeliest receives the likeliest next tokens instead; null where nobody asks
     * @param check throws where the step can no longer be run, such as for a closed session
     */
    public Step(Member member, Batch batch, float[] logits, Likeliest likeliest, Runnable check) {
        this.member = member;
        this.batch = batch;
        this.logits = logits;
        this.likeliest = likeliest;
        this.check = check;
    }

    Member member() {
        return member;
    }

    /** Returns the position to evaluate. */
    public Batch batch() {
        return batch;
    }

    /** Returns where its logits go; null for nowhere. */
    public float[] logits() {
        return logits;
    }

    /** Returns where the likeliest tokens go; null for nowhere. */
    public Likeliest likeliest() {
        return likeliest;
    }

    /** Returns whether it can still be run; otherwise notes why not. */
    public boolean isRunnable() {
        try {
            check.run();
            return true;
        } catch (RuntimeException e) {
            failure = e;
            return false;
        }
    }

    /** Notes that it failed; its own thread will throw that. */
    public void fail(Throwable why) {
        failure = why;
    }

    void rethrow() {
        switch (failure) {
            case null -> {
                // it went well
            }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }
}
