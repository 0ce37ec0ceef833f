package dev.gambit.cuda;

/** What is applied to a product; the ordinals are those of {@code block.cuh}. */
public enum Activation {
    /** Nothing. */
    NONE,
    /** {@code v / (1 + exp(-v))} */
    SILU,
    /** {@code max(v, 0)} */
    RELU,
    /** The tanh approximation of GELU. */
    GELU
}
