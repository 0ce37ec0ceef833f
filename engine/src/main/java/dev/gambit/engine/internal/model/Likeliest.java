package dev.gambit.engine.internal.model;

/**
 * The likeliest next tokens, where a backend finds them itself: {@link #tokens} and their {@link #logits}, the likeliest
 * first, equal ones by their ids.
 */
public final class Likeliest {

    /** How many are wanted. */
    public final int wanted;
    /** Whether the likeliest token will be evaluated next, unless the sequence ends: a backend may begin with it. */
    public final boolean greedy;
    /** Their ids, {@code [wanted]}. */
    public final int[] tokens;
    /** Their logits, {@code [wanted]}. */
    public final float[] logits;
    /** How many there are; fewer than wanted where fewer logits are numbers. */
    public int count;

    /**
     * @param wanted how many tokens, at least 1
     * @param greedy whether the first will be evaluated next
     */
    public Likeliest(int wanted, boolean greedy) {
        this.wanted = wanted;
        this.greedy = greedy;
        tokens = new int[wanted];
        logits = new float[wanted];
    }
}
