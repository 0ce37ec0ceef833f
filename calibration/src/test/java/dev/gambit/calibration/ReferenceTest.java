package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** SmolLM2-135M against an independent float32 implementation. */
class ReferenceTest {

    private static final String MODEL = "models/SmolLM2-135M-Instruct.Q4_1.gguf";
    private static final int LAYERS = 30;
    private static final int FEED_FORWARD = 1536;

    private static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(Fixtures.shared("reference/" + name).toFile());
    }

    @Test
    void catsSkipsWhatTheReferenceSkips() throws IOException {
        Path file = Fixtures.shared(MODEL);
        List<String> text = CalibrationText.read(List.of(Fixtures.shared("data/wikitext2-test.raw.txt")));
        JsonNode cats = json("smollm2-thresholds.json").get("cats");
        Thresholds t = new Thresholds(LAYERS);
        for (int l = 0; l < LAYERS; l++) {
            float[] values = new float[FEED_FORWARD];
            Arrays.fill(values, cats.get(l).get(1).floatValue());
            t.set(l, Site.FFN_ACT, values);
        }
        try (LanguageModel model = Fixtures.open(file, 512, 0, t);
                Perplexity perplexity = new Perplexity(0)) {
            TokenWindows windows = TokenWindows.of(model.tokenizer(), text, 512, 2);
            SparsityReport found =
                    perplexity.evaluate(model, windows, (chunk, chunks, p) -> {}).sparsity();
            JsonNode expected = json("smollm2-sparsity.json").get("results").get("cats@0.5");
            // the reference is the mean of all windows, these are two
            assertEquals(expected.get("sparsity").get("act").doubleValue(), found.skipped().get(Site.FFN_ACT), 0.015);
            assertEquals(expected.get("touched_fraction").doubleValue(), found.active(), 0.0075);
        }
    }

    /** Two minutes on two cores, so only with {@code -Dgambit.slow=true}. */
    @Test
    void thresholdsAreThoseOfExactSelection() throws IOException {
        assumeTrue(Boolean.getBoolean("gambit.slow"), "runs for minutes; set -Dgambit.slow=true");
        Path file = Fixtures.shared(MODEL);
        List<String> text = CalibrationText.read(List.of(Fixtures.shared("data/calib_c4.jsonl")));
        JsonNode reference = json("smollm2-thresholds.json");
        CalibrationStatistics s;
        try (LanguageModel model = Fixtures.open(file, 512, 0, null)) {
            TokenWindows windows = TokenWindows.of(model.tokenizer(), text, 512, 64);
            s = new Calibrator(file, 0)
                    .run(model, windows, List.of("calib_c4.jsonl"), (stage, done, total) -> {});
        }
        Map<String, ActivationTable> tables = new HashMap<>(Map.of(
                "chess", ActivationTable.IMPORTANCE_ABS,
                "chess_rms", ActivationTable.IMPORTANCE_RMS,
                "cats", ActivationTable.GATE_ABS,
                "s_qkv", ActivationTable.ATTN_IN,
                "s_o", ActivationTable.ATTN_OUT,
                "s_gu", ActivationTable.FFN_IN,
                "s_down", ActivationTable.DOWN_IN));
        for (Projection p : Projection.values()) {
            tables.put("w_" + p.name().toLowerCase(Locale.ROOT), p.weightedInput());
        }
        int[] levels = {6, 10, 14};
        for (int l = 0; l < LAYERS; l++) {
            for (Map.Entry<String, ActivationTable> e : tables.entrySet()) {
                float[] found = s.quantiles(l, e.getValue());
                for (int i = 0; i < levels.length; i++) {
                    close(reference.get(e.getKey()).get(l).get(i), found[levels[i]], e.getKey() + ", layer " + l);
                }
            }
            checkWeights(reference, l, "u_abs", s.layer(l).absMean());
            checkWeights(reference, l, "u_rms", s.layer(l).rms());
            checkWeights(reference, l, "norm_down", s.layer(l).columnNorms(Projection.DOWN));
        }
    }

    private static void checkWeights(JsonNode reference, int layer, String name, float[] u) {
        double sum = 0;
        for (float x : u) {
            sum += x;
        }
        close(reference.get(name + "_layer_sum").get(layer), sum, name + " of layer " + layer);
        for (int i = 0; i < 8; i++) {
            close(reference.get(name + "_first8").get(layer).get(i), u[i], name + "[" + i + "] of layer " + layer);
        }
    }

    private static void close(JsonNode expected, double found, String what) {
        double e = expected.doubleValue();
        assertTrue(e > 0);
        assertEquals(e, found, 1e-3 * e, what);
    }
}
