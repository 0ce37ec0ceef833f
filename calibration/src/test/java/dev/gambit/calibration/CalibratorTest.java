package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibratorTest {

    private static final int WINDOWS = 4;

    @TempDir
    private Path folder;

    @Test
    void everyPolicySkipsWhatItsLevelSays() {
        Path sidecar = folder.resolve("fable.gguf");
        try (LanguageModel dense = Fixtures.openFable(0, null);
                GgufFile file = GgufFile.open(Fixtures.fable())) {
            SidecarWriter.write(Fixtures.calibrate(dense, 0, 0, WINDOWS), sidecar);
            Sidecar s = Sidecar.open(sidecar, file);
            assertEquals("chess-attn", s.defaultPolicy());
            assertEquals(
                    List.of("chess", "chess-attn", "chess-abs", "chess-rms", "chess-attn-abs", "chess-attn-rms",
                            "cats"),
                    s.policies());
            for (String policy : s.policies()) {
                Thresholds t = s.thresholds(policy, 0.5);
                // on the text it was calibrated on; masks of earlier layers change later activations a little
                Map<Site, Double> skipped = report(dense, t).skipped();
                boolean attention = policy.contains("attn");
                assertEquals(0.5, skipped.get(Site.FFN_ACT), 0.05, policy);
                assertEquals(attention ? 3 : 1, skipped.size(), policy);
                if (attention) {
                    assertEquals(0.5, skipped.get(Site.Q_IN), 0.05, policy);
                    assertEquals(0.5, skipped.get(Site.O_IN), 0.05, policy);
                }
            }
        }
    }

    private static SparsityReport report(LanguageModel dense, Thresholds t) {
        try (LanguageModel model = Fixtures.openFable(0, t);
                Perplexity perplexity = new Perplexity(0)) {
            return perplexity
                    .evaluate(model, Fixtures.windows(dense, 0, WINDOWS), (chunk, chunks, p) -> {})
                    .sparsity();
        }
    }

    @Test
    void aSparseModelIsRefused() {
        Thresholds none = new Thresholds(8);
        try (LanguageModel model = Fixtures.openFable(1, none)) {
            GambitException e = assertThrows(GambitException.class, () -> Fixtures.calibrate(model, 1, 0, 1));
            assertTrue(e.getMessage().contains("dense"), e.getMessage());
        }
    }
}
