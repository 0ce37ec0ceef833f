package dev.gambit.calibration;

import dev.gambit.engine.sparsity.Site;
import java.util.List;

/**
 * CATS (Lee and others, arXiv 2404.08763): one number for all channels of a layer,
 * {@code keep |SiLU(gate_i)| > T}, {@code T} the quantile of {@code |SiLU(gate)|}. A channel that is skipped saves a row of
 * up and a column of down; attention stays dense.
 */
final class Cats implements SparsityPolicy {

    @Override
    public String name() {
        return "cats";
    }

    @Override
    public List<Rule> rules() {
        return List.of(new Rule(Site.FFN_ACT, ActivationTable.GATE_ABS, null));
    }
}
