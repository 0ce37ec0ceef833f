package dev.gambit.engine.internal.grammar;

import java.util.List;

/** All ways in which a text may go on; each begins with a byte of a set or of a literal. */
final class State {

    final List<Frame> ways;
    /** Whether the text may end here. */
    final boolean complete;
    /** Tokens that suffice to complete the text. */
    final int cost;
    private final int hash;
    /** Where bytes lead to, as far as known; only of the automaton's own states. */
    State[] next;

    State(List<Frame> ways, boolean complete) {
        this.ways = List.copyOf(ways);
        this.complete = complete;
        int least = complete ? 0 : Costs.INFINITE;
        for (Frame way : ways) {
            least = Math.min(least, way.cost);
        }
        cost = least;
        hash = this.ways.hashCode() * 2 + (complete ? 1 : 0);
    }

    /** Returns whether nothing can follow and the text is not complete. */
    boolean isDead() {
        return ways.isEmpty() && !complete;
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || other instanceof State s && hash == s.hash && complete == s.complete && ways.equals(s.ways);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
