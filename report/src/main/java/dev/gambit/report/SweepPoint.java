package dev.gambit.report;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskScore;
import dev.gambit.engine.sparsity.Site;
import java.util.List;
import java.util.Map;

/** What one policy at one level gave. The dense model is the policy {@code dense} at level 0. */
public sealed interface SweepPoint {

    /** What the dense model is called among the policies. */
    String DENSE = "dense";

    /** Returns the policy. */
    String policy();

    /** Returns the level of sparsity that was asked for. */
    double level();

    /** Returns the fraction of the layers' weights used per token, lm head excluded. */
    double active();

    /** Returns the policy and the level. */
    default String name() {
        return policy().equals(DENSE) ? DENSE : policy() + " " + level();
    }

    /** Returns whether another point is of the same policy and level. */
    default boolean isAt(SweepPoint other) {
        return policy().equals(other.policy()) && level() == other.level();
    }

    /**
     * How well it predicts the text.
     *
     * @param perplexity as llama-perplexity's
     * @param divergence KL(dense‖sparse), nats a token
     * @param logRatio mean of the logarithm of sparse over dense perplexity
     * @param sameTop share of tokens with the dense model's likeliest prediction
     * @param layers fraction of channels skipped at each site, layer by layer
     */
    record Text(
            String policy,
            double level,
            double active,
            Estimate perplexity,
            Estimate divergence,
            Estimate logRatio,
            Estimate sameTop,
            List<Map<Site, Double>> layers) implements SweepPoint {}

    /**
     * How fast it generates, dense and sparse in turn.
     *
     * @param bytes fraction of all weights' bytes that were read
     * @param dense tokens a second of the dense model in the same run
     * @param sparse tokens a second
     * @param ratio median of the rounds' ratios of speed, and the standard error of their mean
     */
    record Speed(String policy, double level, double active, double bytes, double dense, double sparse, Estimate ratio)
            implements SweepPoint {}

    /**
     * What it gets right.
     *
     * @param scores one a task
     */
    record Tasks(String policy, double level, double active, List<TaskScore> scores) implements SweepPoint {}
}
