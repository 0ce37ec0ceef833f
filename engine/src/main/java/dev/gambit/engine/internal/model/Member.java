package dev.gambit.engine.internal.model;

/** A sequence as {@link Turns} knows it: whether its next step is worth waiting for. Guarded by the lock of {@link Turns}. */
public final class Member {

    /** Whether its next step is expected any moment. */
    boolean expected;
    /** Whether it took longer than anybody waits the last time, or has never come back yet. */
    boolean late = true;
    /** When its last step was done, {@link System#nanoTime}. */
    long since;
    /** Its step in the queue or the pass; null for none. */
    Step step;
}
