package dev.gambit.calibration;

import dev.gambit.engine.sparsity.Site;

/** A layer's seven linear projections, each with the site at its input. */
public enum Projection {
    /** Queries. */
    Q("attn_q", Site.Q_IN),
    /** Keys. */
    K("attn_k", Site.K_IN),
    /** Values. */
    V("attn_v", Site.V_IN),
    /** The attention's output projection. */
    O("attn_output", Site.O_IN),
    /** The FFN's gate. */
    GATE("ffn_gate", Site.GATE_IN),
    /** The FFN's up projection. */
    UP("ffn_up", Site.UP_IN),
    /** The FFN's down projection. */
    DOWN("ffn_down", Site.DOWN_IN);

    private final String tensor;
    private final Site site;

    Projection(String tensor, Site site) {
        this.tensor = tensor;
        this.site = site;
    }

    /** Returns the site whose skipped channels save columns of it. */
    public Site site() {
        return site;
    }

    /** Returns the tensor's name in a model file, without {@code blk.N.}. */
    String weightName() {
        return tensor + ".weight";
    }

    /** Returns the name in sidecars and statistics files of its columns' norms, without {@code blk.N.}. */
    String normName() {
        return tensor + ".column_norm";
    }

    /** Returns the distribution of its input's magnitudes: q, k and v share one, gate and up share one. */
    ActivationTable input() {
        return switch (this) {
            case Q, K, V -> ActivationTable.ATTN_IN;
            case O -> ActivationTable.ATTN_OUT;
            case GATE, UP -> ActivationTable.FFN_IN;
            case DOWN -> ActivationTable.DOWN_IN;
        };
    }

    /** Returns the distribution of its input's magnitudes times its columns' norms. */
    ActivationTable weightedInput() {
        return switch (this) {
            case Q -> ActivationTable.WEIGHTED_Q;
            case K -> ActivationTable.WEIGHTED_K;
            case V -> ActivationTable.WEIGHTED_V;
            case O -> ActivationTable.WEIGHTED_O;
            case GATE -> ActivationTable.WEIGHTED_GATE;
            case UP -> ActivationTable.WEIGHTED_UP;
            case DOWN -> ActivationTable.WEIGHTED_DOWN;
        };
    }
}
