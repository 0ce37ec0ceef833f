package dev.gambit.app;

import java.util.Locale;

/**
 * What a test gave.
 *
 * @param model its description, as llama.cpp's: {@code llama 256M Q4_1}
 * @param modelFile the file's name
 * @param backend what it ran on
 * @param testTime when it was begun, RFC 3339
 * @param samplesNanos the time of each repetition
 * @param active the fraction of the layers' weights used per token
 * @param bytes the fraction of all weight bytes read per generated token; NaN where none was
 */
record BenchResult(
        BenchTest test, String model, String modelFile, long modelBytes, long modelParameters, String backend,
        int threads,
        String testTime, long[] samplesNanos, double active, double bytes) {

    /** Returns tokens per second of each repetition. */
    double[] samplesPerSecond() {
        double[] all = new double[samplesNanos.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = 1e9 * test.tokens() / samplesNanos[i];
        }
        return all;
    }

    /** Returns the repetitions' times as numbers that can be averaged. */
    double[] nanos() {
        double[] all = new double[samplesNanos.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = samplesNanos[i];
        }
        return all;
    }

    static double mean(double[] values) {
        double sum = 0;
        for (double v : values) {
            sum += v;
        }
        return sum / values.length;
    }

    /** Returns the standard deviation of a sample, with n - 1 as llama-bench; 0 for one value. */
    static double deviation(double[] values) {
        double mean = mean(values);
        double sum = 0;
        for (double v : values) {
            sum += (v - mean) * (v - mean);
        }
        return values.length < 2 ? 0 : Math.sqrt(sum / (values.length - 1));
    }

    /** Returns the level of sparsity as text; {@code dense} where there is none. */
    String sparsity() {
        Double level = test.setup().sparsity();
        return level == null ? "dense" : String.format(Locale.ROOT, "%.2f", level);
    }

    /** Returns the policy's name; empty where it is the sidecar's default or nothing is skipped. */
    String policy() {
        return test.setup().sparsity() == null || test.setup().policy() == null ? "" : test.setup().policy();
    }
}
