package dev.gambit.engine.sparsity;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.model.ModelConfig;
import java.util.Arrays;

/**
 * FATReLU (ProSparse: Song and others, arXiv 2402.13516): the gate's activation is 0 below a threshold,
 * {@code x if x > T else 0}. With {@code T = 0} that is the model's own ReLU, and skipping its exact zeros changes nothing.
 */
public final class FatRelu {

    private FatRelu() {}

    /** Returns whether a model's activation is ReLU. */
    public static boolean fits(GgufFile model) {
        return ModelConfig.of(model).activation() == ModelConfig.Activation.RELU;
    }

    /**
     * Returns thresholds at {@link Site#FFN_ACT}.
     *
     * @param threshold 0 or more
     * @throws GambitException where the model has another activation or the threshold is negative
     */
    public static Thresholds of(GgufFile model, double threshold) {
        ModelConfig config = ModelConfig.of(model);
        if (config.activation() != ModelConfig.Activation.RELU) {
            throw new GambitException(GambitException.line(
                    model.metadata().source() + ": activation", "relu, for FATReLU", config.activation(),
                    "use a policy that fits, such as chess"));
        }
        if (!(threshold >= 0) || threshold > Float.MAX_VALUE) {
            throw new GambitException(
                    GambitException.line("threshold of FATReLU", "0 or more", threshold, "choose one, such as 0.01"));
        }
        Thresholds out = new Thresholds(config.layers());
        for (int l = 0; l < config.layers(); l++) {
            float[] t = new float[config.feedForward()];
            Arrays.fill(t, (float) threshold);
            out.set(l, Site.FFN_ACT, t);
        }
        return out;
    }
}
