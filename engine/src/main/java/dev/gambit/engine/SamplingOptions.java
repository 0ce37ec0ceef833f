package dev.gambit.engine;
/** temp. */
public record SamplingOptions(double temperature) {
    /** temp. */
    public static SamplingOptions defaults() { return new SamplingOptions(0); }
    /** temp. */
    public static SamplingOptions greedy() { return new SamplingOptions(0); }
}
