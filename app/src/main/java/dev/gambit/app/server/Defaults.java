package dev.gambit.app.server;

import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Sparsity;

/**
 * What holds where a request does not say.
 *
 * @param sampling how tokens are drawn; seed -1 for another one each time
 * @param predict most tokens of an answer; -1 for what the context holds
 * @param level the level of sparsity the model runs with; null for dense
 * @param policy the policy it runs with; null for the thresholds' own
 */
public record Defaults(SamplingOptions sampling, int predict, Double level, String policy) {

    /** Returns how sparsely requests run that do not say; null for dense. */
    Sparsity sparsity() {
        return level == null ? null : new Sparsity(null, policy, level);
    }
}
