package dev.gambit.calibration;

/** A magnitude whose distribution over tokens and channels is kept for each layer, and what it is called in files. */
public enum ActivationTable {
    /** {@code |SiLU(gate_i)| · mean|up_i|}: CHESS's importance in its second version. */
    IMPORTANCE_ABS("ffn_gate.importance_abs"),
    /** {@code |SiLU(gate_i)| · sqrt(mean up_i²)}: CHESS's importance in its first version, the better one. */
    IMPORTANCE_RMS("ffn_gate.importance_rms"),
    /** {@code |SiLU(gate_i)|}: what CATS goes by. */
    GATE_ABS("ffn_gate.abs"),
    /** The normed attention input. */
    ATTN_IN("attn_q.in"),
    /** The attention output. */
    ATTN_OUT("attn_output.in"),
    /** The normed FFN input. */
    FFN_IN("ffn_gate.in"),
    /** {@code SiLU(gate) · up}, the input of down. */
    DOWN_IN("ffn_down.in"),
    /** {@code |x_i| · ‖W_q[:,i]‖₂} of the normed attention input. */
    WEIGHTED_Q("attn_q.weighted"),
    /** The same for k. */
    WEIGHTED_K("attn_k.weighted"),
    /** The same for v. */
    WEIGHTED_V("attn_v.weighted"),
    /** {@code |x_i| · ‖W_o[:,i]‖₂} of the attention output. */
    WEIGHTED_O("attn_output.weighted"),
    /** {@code |x_i| · ‖W_gate[:,i]‖₂} of the normed FFN input. */
    WEIGHTED_GATE("ffn_gate.weighted"),
    /** The same for up. */
    WEIGHTED_UP("ffn_up.weighted"),
    /** {@code |x_i| · ‖W_down[:,i]‖₂} of the input of down. */
    WEIGHTED_DOWN("ffn_down.weighted");

    private final String prefix;

    ActivationTable(String prefix) {
        this.prefix = prefix;
    }

    /** Returns whether it takes the norms of the weights' columns, which statistics of earlier versions lack. */
    boolean needsNorms() {
        return ordinal() >= WEIGHTED_Q.ordinal();
    }

    /** Returns the name of the tensor of quantiles in a sidecar, without {@code blk.N.}. */
    public String quantileName() {
        return prefix + "_quantile";
    }

    /** Returns the name of the tensor of counts in a statistics file, without {@code blk.N.}. */
    String countsName() {
        return prefix + "_counts";
    }

    /** Returns the key of the first bins in a statistics file. */
    String firstBinKey() {
        return "chess.stats." + prefix + ".first_bin";
    }
}
