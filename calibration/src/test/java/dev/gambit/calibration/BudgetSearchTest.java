package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The search on the embedded model: it keeps to its budgets on other text, beats TEAL there and goes on where it was. */
class BudgetSearchTest {

    @TempDir
    Path folder;

    private static TokenWindows windows(int count) {
        try (LanguageModel model = Fixtures.openFable(0, null)) {
            return TokenWindows.of(model.tokenizer(), CalibrationText.read(List.of(Fixtures.stories())), 64, count);
        }
    }

    private static BudgetAllocation search(
            TokenWindows windows, Path state, ProgressListener progress, BudgetSearch.Effort effort) {
        try (BudgetSearch search = new BudgetSearch(Fixtures.fable(), windows, 0, state, progress, effort)) {
            return search.run();
        }
    }

    private double[] measured(Path sidecar, String policy, double level) {
        Thresholds t;
        try (GgufFile model = GgufFile.open(Fixtures.fable())) {
            t = Sidecar.open(sidecar, model).thresholds(policy, level);
        }
        try (LanguageModel dense = Fixtures.openFable(0, null);
                LanguageModel sparse = Fixtures.openFable(0, t);
                Perplexity perplexity = new Perplexity(0)) {
            Perplexity.Comparison c = perplexity.compare(
                    dense, sparse, Fixtures.windows(dense, 0, 10), w -> true, (chunk, chunks, ppl) -> {});
            return new double[] {c.sparse().sparsity().active(), c.divergence().mean()};
        }
    }

    @Test
    void keepsToBudgetsAndBeatsTeal() {
        Path sidecar = folder.resolve("s.gguf");
        BudgetAllocation a = search(
                windows(32), null, (stage, done, total) -> {},
                new BudgetSearch.Effort(new double[] {0.9, 0.7, 0.5, 0.3, 0.05}, 10));
        try (LanguageModel model = Fixtures.openFable(0, null)) {
            SidecarWriter.write(
                    Fixtures.calibrate(model, 0, 20, 4), List.of(SearchedPolicy.of(a)), sidecar);
        }
        for (double budget : new double[] {0.8, 0.6, 0.5, 0.35}) {
            double[] own = measured(sidecar, "gambit", 1 - budget);
            assertEquals(budget, own[0], 0.03, "active at " + budget);
            double[] teal = measured(sidecar, "teal", 1 - budget - 0.01);
            assertTrue(teal[0] > own[0] - 0.02, "TEAL was given " + teal[0] + " for " + own[0]);
            assertTrue(own[1] < teal[1], budget + ": " + own[1] + " nats, TEAL " + teal[1]);
        }
    }

    @Test
    void goesOnAfterAnInterruption() {
        TokenWindows windows = windows(12);
        BudgetSearch.Effort effort = new BudgetSearch.Effort(new double[] {0.8, 0.6, 0.3}, 4);
        BudgetAllocation whole = search(windows, null, (stage, done, total) -> {}, effort);
        for (int stop : new int[] {2, 5}) {
            Path state = folder.resolve("state-" + stop);
            assertThrows(IllegalStateException.class, () -> search(windows, state, (stage, done, total) -> {
                if (done == stop) {
                    throw new IllegalStateException("killed");
                }
            }, effort));
            int[] ticks = new int[1];
            BudgetAllocation resumed = search(windows, state, (stage, done, total) -> ticks[0]++, effort);
            assertTrue(ticks[0] > 0);
            for (int i = 0; i < whole.budgets().length; i++) {
                for (int l = 0; l < whole.logT()[i].length; l++) {
                    assertArrayEquals(whole.logT()[i][l], resumed.logT()[i][l], "budget " + i + ", layer " + l);
                }
            }
        }
    }
}
