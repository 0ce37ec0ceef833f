package dev.gambit.calibration;

import java.util.ArrayList;
import java.util.List;

/**
 * WINA in its threshold form (Chen and others, arXiv 2505.19427): an input channel matters as much as it can move the
 * output, {@code keep |x_i| · ‖W[:,i]‖₂ > T}, that is {@code |x_i| > T / ‖W[:,i]‖₂}, at the input of each of the seven
 * projections, {@code T} the quantile of the left side. Without the authors' rotation of the residual stream, which costs
 * two dense matrices a layer.
 *
 * <p>R-Sparse (Zhang and others, ICLR 2025, arXiv 2504.19449) has the same criterion, for {@code ‖(V S)[i,:]‖₂} of its
 * decomposition {@code W = U S Vᵀ} is the column's norm, and adds a low-rank product for what is skipped. Its published
 * search gives that product 4 % of the budget; {@code r-sparse} here is the criterion with none.
 */
final class Wina implements SparsityPolicy {

    private final String name;

    Wina(String name) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<Rule> rules() {
        List<Rule> rules = new ArrayList<>();
        for (Projection p : Projection.values()) {
            rules.add(new Rule(p.site(), p.weightedInput(), ChannelWeight.norm(p)));
        }
        return rules;
    }
}
