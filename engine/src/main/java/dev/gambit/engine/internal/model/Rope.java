package dev.gambit.engine.internal.model;

/**
 * Rotary position embedding on pairs of neighbouring entries, as the {@code llama} architecture has them (llama.cpp's
 * "norm" type): the pair {@code (2i, 2i+1)} turns by {@code position · base^(-2i/d) / factor_i}.
 */
public final class Rope {

    private final int pairs;
    private final double[] frequency;

    /**
     * @param config dimensions, base and linear scale
     * @param factors divisors of the frequencies ({@code rope_freqs.weight}), {@code [dimensions/2]}; null for none
     */
    public Rope(ModelConfig config, float[] factors) {
        pairs = config.ropeDimensions() / 2;
        frequency = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            double f = Math.pow(config.ropeBase(), -2.0 * i / config.ropeDimensions()) * config.ropeScale();
            frequency[i] = factors == null ? f : f / factors[i];
        }
    }

    /** Returns the pairs that are rotated. */
    public int pairs() {
        return pairs;
    }

    /** Returns the radians that each pair turns by from a position to the next, {@code [pairs]}. */
    public double[] frequencies() {
        return frequency.clone();
    }

    /** Writes the cosines and sines for a position, {@code [pairs]} each. */
    public void angles(int position, float[] cos, float[] sin) {
        for (int i = 0; i < pairs; i++) {
            double angle = position * frequency[i];
            cos[i] = (float) Math.cos(angle);
            sin[i] = (float) Math.sin(angle);
        }
    }

    /** Rotates one head's vector in place. */
    public void rotate(float[] x, int offset, float[] cos, float[] sin) {
        for (int i = 0; i < pairs; i++) {
            float a = x[offset + 2 * i];
            float b = x[offset + 2 * i + 1];
            x[offset + 2 * i] = a * cos[i] - b * sin[i];
            x[offset + 2 * i + 1] = a * sin[i] + b * cos[i];
        }
    }
}
