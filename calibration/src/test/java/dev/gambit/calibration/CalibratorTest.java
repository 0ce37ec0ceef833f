package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
                            "cats", "teal", "wina", "r-sparse"),
                    s.policies());
            for (String policy : s.policies()) {
                Thresholds t = s.thresholds(policy, 0.5);
                // on the text it was calibrated on; masks of earlier layers change later activations a little
                Map<Site, Double> skipped = report(dense, t).skipped();
                if (!policy.startsWith("c")) {
                    // TEAL and its relatives: the seven inputs
                    assertEquals(Set.of(Site.Q_IN, Site.K_IN, Site.V_IN, Site.O_IN, Site.GATE_IN, Site.UP_IN,
                            Site.DOWN_IN), skipped.keySet(), policy);
                    skipped.forEach((site, fraction) -> assertEquals(0.5, fraction, 0.07, policy + " at " + site));
                    continue;
                }
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

    /** {@code t_i = T / ‖W[:,i]‖₂}, the norm from the file's numbers by the definition. */
    @Test
    void winaDividesByTheNormsOfTheColumns() {
        Path sidecar = folder.resolve("fable.gguf");
        try (LanguageModel dense = Fixtures.openFable(0, null);
                GgufFile file = GgufFile.open(Fixtures.fable());
                Arena arena = Arena.ofConfined()) {
            SidecarWriter.write(Fixtures.calibrate(dense, 0, 0, 1), sidecar);
            Thresholds wina = Sidecar.open(sidecar, file).thresholds("wina", 0.4);
            Thresholds teal = Sidecar.open(sidecar, file).thresholds("teal", 0.4);
            Map<Site, String> tensors = Map.of(
                    Site.Q_IN, "attn_q", Site.K_IN, "attn_k", Site.V_IN, "attn_v", Site.O_IN, "attn_output",
                    Site.GATE_IN, "ffn_gate", Site.UP_IN, "ffn_up", Site.DOWN_IN, "ffn_down");
            tensors.forEach((site, tensor) -> {
                GgufTensor w = file.require("blk.3." + tensor + ".weight");
                double[] squares = new double[w.columns()];
                float[] row = new float[w.columns()];
                for (int r = 0; r < w.rows(); r++) {
                    Dequantizer.row(w.type(), file.map(w, arena), r, row.length, row, 0);
                    for (int i = 0; i < row.length; i++) {
                        squares[i] += (double) row[i] * row[i];
                    }
                }
                float[] t = wina.get(3, site);
                float[] flat = teal.get(3, site);
                assertEquals(squares.length, t.length);
                double quantile = t[0] * Math.sqrt(squares[0]);
                assertTrue(quantile > 0);
                for (int i = 0; i < t.length; i++) {
                    assertEquals(quantile, t[i] * Math.sqrt(squares[i]), 1e-5 * quantile, tensor + "[" + i + "]");
                    assertEquals(flat[0], flat[i], 0, tensor);
                }
            });
            assertArrayEquals(teal.get(3, Site.Q_IN), teal.get(3, Site.V_IN));
            assertArrayEquals(teal.get(3, Site.GATE_IN), teal.get(3, Site.UP_IN));
            assertNull(wina.get(3, Site.FFN_ACT));
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
