package dev.gambit.engine.sparsity;

/** A vector inside a layer whose small entries may be skipped. */
public enum Site {
    /** The normed attention input, as the query projection reads it: a column of q each, {@code [n_embd]}. */
    Q_IN,
    /** The same vector as the key projection reads it: a column of k each. */
    K_IN,
    /** The same vector as the value projection reads it: a column of v each. */
    V_IN,
    /** The attention output, heads side by side: a column of the output projection each. */
    O_IN,
    /** The normed FFN input, as the gate projection reads it: a column of gate each. */
    GATE_IN,
    /** The same vector as the up projection reads it: a column of up each. */
    UP_IN,
    /** The gate's activation, {@code SiLU(gate)}: a row of up and a column of down each, {@code [n_ff]}. */
    FFN_ACT,
    /** {@code SiLU(gate) · up}: a column of down each. */
    DOWN_IN;

    private static final Site[] SITES = values();

    /** The number of sites. */
    public static final int COUNT = SITES.length;
}
