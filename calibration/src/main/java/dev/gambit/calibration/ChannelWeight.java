package dev.gambit.calibration;

/** What a policy multiplies a channel's magnitude with: one number a channel and layer, a tensor of the sidecar. */
public enum ChannelWeight {
    /** {@code mean |up_i|}. */
    UP_ABS_MEAN("ffn_up.abs_mean", null),
    /** {@code sqrt(mean up_i²)}. */
    UP_RMS("ffn_up.rms", null),
    /** {@code ‖W_q[:,i]‖₂}. */
    Q_NORM(Projection.Q),
    /** {@code ‖W_k[:,i]‖₂}. */
    K_NORM(Projection.K),
    /** {@code ‖W_v[:,i]‖₂}. */
    V_NORM(Projection.V),
    /** {@code ‖W_o[:,i]‖₂}. */
    O_NORM(Projection.O),
    /** {@code ‖W_gate[:,i]‖₂}. */
    GATE_NORM(Projection.GATE),
    /** {@code ‖W_up[:,i]‖₂}. */
    UP_NORM(Projection.UP),
    /** {@code ‖W_down[:,i]‖₂}. */
    DOWN_NORM(Projection.DOWN);

    private final String tensorName;
    private final Projection projection;

    ChannelWeight(Projection projection) {
        this(projection.normName(), projection);
    }

    ChannelWeight(String tensorName, Projection projection) {
        this.tensorName = tensorName;
        this.projection = projection;
    }

    /** Returns the norms of a projection's columns as a weight. */
    static ChannelWeight norm(Projection projection) {
        for (ChannelWeight w : values()) {
            if (w.projection == projection) {
                return w;
            }
        }
        throw new IllegalArgumentException(projection.toString());
    }

    /** Returns the tensor's name in a sidecar, without {@code blk.N.}. */
    String tensorName() {
        return tensorName;
    }

    /** Returns whether it comes from the model's weights rather than from its activations. */
    boolean isNorm() {
        return projection != null;
    }

    /** Returns the channels' weights. */
    float[] of(LayerStatistics layer) {
        return switch (this) {
            case UP_ABS_MEAN -> layer.absMean();
            case UP_RMS -> layer.rms();
            default -> layer.columnNorms(projection);
        };
    }
}
