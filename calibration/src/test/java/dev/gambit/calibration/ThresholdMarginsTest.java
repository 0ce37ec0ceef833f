package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What margins say of other thresholds, against the model run with them. */
class ThresholdMarginsTest {

    private static final int TOKENS = 64;

    private static int[][] windows() {
        try (LanguageModel model = Fixtures.openFable(1, null)) {
            TokenWindows w = TokenWindows.of(
                    model.tokenizer(), CalibrationText.read(List.of(Fixtures.stories())), TOKENS, 4);
            return new int[][] {w.window(0), w.window(1), w.window(2), w.window(3)};
        }
    }

    private static Thresholds thresholds(GradientWeights weights, double factor) {
        Thresholds t = new Thresholds(weights.config.layers());
        for (int l = 0; l < weights.config.layers(); l++) {
            for (Site s : Site.values()) {
                float[] values = new float[weights.config.channels(s)];
                Arrays.fill(values, (float) (factor * (s == Site.FFN_ACT || s == Site.DOWN_IN ? 0.03 : 0.4)));
                t.set(l, s, values);
            }
        }
        return t;
    }

    @Test
    void whatIsUsedWithOtherThresholds() {
        int[][] windows = windows();
        try (Workers workers = new Workers(2);
                GradientWeights weights = new GradientWeights(Fixtures.fable(), workers)) {
            GradientPass pass = new GradientPass(weights, workers, windows.length, TOKENS);
            ThresholdMargins margins = new ThresholdMargins(weights.config, thresholds(weights, 1), workers);
            pass.forward(windows, thresholds(weights, 1), margins);
            double here = pass.active();
            margins.calibrate(here);
            double[][] none = new double[weights.config.layers()][Site.COUNT];
            assertEquals(here, margins.active(none, 0), 1e-9);
            assertEquals(0, margins.solve(none, here), 1e-6);
            for (double factor : new double[] {0.8, 1.25}) {
                double guess = margins.active(none, Math.log(factor));
                pass.forward(windows, thresholds(weights, factor));
                assertEquals(pass.active(), guess, 0.15 * Math.abs(pass.active() - here), "times " + factor);
                assertEquals(Math.log(factor), margins.solve(none, guess), 1e-3);
            }
        }
    }
}
