package dev.gambit.engine.internal.sampling;
/** temp. */
public final class Sampler {
    /** temp. */
    public Sampler(dev.gambit.engine.SamplingOptions o, int n) {}
    /** temp. */
    public int sample(float[] l) { int b = 0; for (int i = 1; i < l.length; i++) if (l[i] > l[b]) b = i; return b; }
    /** temp. */
    public void accept(int t) {}
}
