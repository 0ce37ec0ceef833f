package dev.gambit.engine;

/**
 * Sees the vectors inside the layers while a batch is evaluated. Calibration is its user. Called on the thread that
 * evaluates, before any mask is applied to the vector.
 */
@FunctionalInterface
public interface ActivationListener {

    /** Which vector. */
    enum Vector {
        /** Normed attention input, {@code [n_embd]}. */
        ATTN_IN,
        /** Attention output, heads side by side, {@code [heads · value length]}. */
        ATTN_OUT,
        /** Normed FFN input, {@code [n_embd]}. */
        FFN_IN,
        /** Activation of the gate, {@code [n_ff]}. */
        FFN_ACT,
        /** Output of the up projection, {@code [n_ff]}. */
        FFN_UP
    }

    /**
     * @param layer the layer, from 0
     * @param vector which vector
     * @param values row {@code r} is {@code values[r · stride … r · stride + width - 1]}; valid during the call only
     * @param rows positions in the batch
     * @param width entries of a row
     * @param stride entries from a row to the next
     */
    void activation(int layer, Vector vector, float[] values, int rows, int width, int stride);
}
