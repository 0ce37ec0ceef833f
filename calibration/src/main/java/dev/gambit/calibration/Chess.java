package dev.gambit.calibration;

import dev.gambit.engine.sparsity.Site;
import java.util.ArrayList;
import java.util.List;

/**
 * CHESS (He and others, EMNLP 2024, arXiv 2409.01366): skipping channel {@code i} costs {@code (up_i · SiLU(gate_i))²},
 * and as {@code up_i} is not known yet, its mean over a calibration text stands for it:
 * {@code keep |SiLU(gate_i)| > T / u_i}, {@code u_i = sqrt(mean up_i²)} in the authors' first version, {@code mean |up_i|}
 * in their second. With attention, a number each at the inputs of q and o; k and v stay dense, for what the cache keeps
 * is read by all later tokens.
 */
final class Chess implements SparsityPolicy {

    private final String name;
    private final ChannelWeight importance;
    private final boolean attention;

    Chess(String name, ChannelWeight importance, boolean attention) {
        this.name = name;
        this.importance = importance;
        this.attention = attention;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<Rule> rules() {
        List<Rule> rules = new ArrayList<>();
        if (attention) {
            rules.add(new Rule(Site.Q_IN, ActivationTable.ATTN_IN, null));
            rules.add(new Rule(Site.O_IN, ActivationTable.ATTN_OUT, null));
        }
        rules.add(new Rule(
                Site.FFN_ACT,
                importance == ChannelWeight.UP_RMS ? ActivationTable.IMPORTANCE_RMS : ActivationTable.IMPORTANCE_ABS,
                importance));
        return rules;
    }
}
