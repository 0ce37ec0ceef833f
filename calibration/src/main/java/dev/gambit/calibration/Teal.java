package dev.gambit.calibration;

import java.util.ArrayList;
import java.util.List;

/**
 * TEAL with the same level everywhere (Liu and others, ICLR 2025, arXiv 2408.14690): one number at the input of each of the
 * seven projections, {@code keep |x_i| > T}, {@code T} the quantile of {@code |x|} there. The authors read it from a
 * histogram that they assume symmetric about 0; here magnitudes are counted, which assumes nothing.
 */
final class Teal implements SparsityPolicy {

    @Override
    public String name() {
        return "teal";
    }

    @Override
    public List<Rule> rules() {
        List<Rule> rules = new ArrayList<>();
        for (Projection p : Projection.values()) {
            rules.add(new Rule(p.site(), p.input(), null));
        }
        return rules;
    }
}
