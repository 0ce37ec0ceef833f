package dev.gambit.engine.internal.model;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.sparsity.Thresholds;

/**
 * Consecutive positions of one sequence that go through the layers together.
 *
 * @param tokens token ids, the first {@code count} of them
 * @param count positions, at least 1
 * @param start position of the first
 * @param cache the sequence's keys and values; positions before {@code start} are there already
 * @param thresholds which channels to skip; null for none
 * @param counter counts what was read; null where nobody asks
 * @param listener sees the vectors; null where nobody asks
 * @param prompt whether it goes the way of several positions however few it has, so that a prompt's bits do not depend on
 *     how it is cut
 */
public record Batch(
        int[] tokens,
        int count,
        int start,
        KvCache cache,
        Thresholds thresholds,
        SparsityCounter counter,
        ActivationListener listener,
        boolean prompt) {

    /** Returns whether it goes the way of several positions. */
    public boolean together() {
        return prompt || count > 1 || listener != null;
    }
}
