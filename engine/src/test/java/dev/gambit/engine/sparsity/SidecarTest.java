package dev.gambit.engine.sparsity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.testing.TinyModel;
import dev.gambit.engine.testing.TinyModel.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sidecars written key by key, sound ones and others. */
class SidecarTest {

    private static final float[] LEVELS = {0, .25f, .5f, .75f};

    @TempDir
    Path folder;

    private Path model;
    private final Map<String, GgufValue> keys = new LinkedHashMap<>();
    private final Map<String, float[]> tensors = new LinkedHashMap<>();

    @BeforeEach
    void writeModelAndDescribeSidecar() {
        model = tiny().write(folder.resolve("model.gguf"));
        string("general.type", "adapter");
        string("adapter.type", "chess");
        integer("chess.version", 1);
        integer("chess.base.block_count", 2);
        integer("chess.base.embedding_length", 32);
        integer("chess.base.feed_forward_length", 64);
        string("chess.base.name", "tiny");
        try (GgufFile file = GgufFile.open(model)) {
            string("chess.base.sha256", ModelFingerprint.of(file));
        }
        floats("chess.sparsity.levels", LEVELS);
        strings("chess.policies", "chess", "cats");
        strings("chess.policy.chess", "FFN_ACT ffn_act.quantiles ffn_up.mean", "Q_IN q.quantiles");
        strings("chess.policy.cats", "FFN_ACT ffn_act.cats");
        string("chess.policy.default", "cats");
        for (int l = 0; l < 2; l++) {
            tensors.put("blk." + l + ".ffn_act.quantiles", new float[] {.01f, .1f, .2f, .4f + l});
            tensors.put("blk." + l + ".ffn_act.cats", new float[] {0, .02f, .08f, .16f});
            tensors.put("blk." + l + ".q.quantiles", new float[] {0, .3f, .6f, .9f});
            float[] u = new float[64];
            for (int i = 0; i < 64; i++) {
                u[i] = i == 3 ? 0 : (i + 1) / 16f;
            }
            tensors.put("blk." + l + ".ffn_up.mean", u);
        }
    }

    private static TinyModel tiny() {
        return new TinyModel(new Shape(2, 32, 64, 2, 1, 16, 16), name -> GgmlType.F32);
    }

    private void string(String key, String value) {
        keys.put(key, new GgufValue(GgufValueType.STRING, null, value));
    }

    private void integer(String key, long value) {
        keys.put(key, new GgufValue(GgufValueType.UINT32, null, value));
    }

    private void floats(String key, float... values) {
        keys.put(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.FLOAT32, values));
    }

    private void strings(String key, String... values) {
        keys.put(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, values));
    }

    private Path write() {
        GgufWriter writer = new GgufWriter();
        keys.forEach(writer::put);
        tensors.forEach((name, values) -> writer.tensor(name, GgmlType.F32, new long[] {values.length}, MemorySegment
                .ofArray(values)));
        Path path = folder.resolve("sidecar.gguf");
        writer.write(path);
        return path;
    }

    private Sidecar read() {
        try (GgufFile file = GgufFile.open(model)) {
            return Sidecar.open(write(), file);
        }
    }

    @Test
    void thresholdsAreQuantilesOverWeights() {
        Sidecar sidecar = read();
        assertEquals(List.of("chess", "cats"), sidecar.policies());
        assertEquals("cats", sidecar.defaultPolicy());
        Thresholds chess = sidecar.thresholds("chess", .5);
        float[] t = chess.get(1, Site.FFN_ACT);
        assertEquals(64, t.length);
        assertEquals(.2f / (1 / 16f), t[0], 0);
        assertEquals(.2f / 4f, t[63], 0);
        assertEquals(Float.POSITIVE_INFINITY, t[3], 0, "a channel that up never uses");
        assertEquals(32, chess.get(0, Site.Q_IN).length);
        assertEquals(.6f, chess.get(0, Site.Q_IN)[31], 0);
        assertNull(chess.get(0, Site.K_IN));
        assertEquals(1.4f * 16 / 6, sidecar.thresholds("chess", .75).get(1, Site.FFN_ACT)[5], 1e-6);
        assertEquals(.08f, sidecar.thresholds(null, .5).get(0, Site.FFN_ACT)[9], 0);
        assertTrue(sidecar.thresholds("cats", .5).get(0, Site.Q_IN) == null);
    }

    @Test
    void levelsBetweenTheTablesAreInterpolated() {
        Sidecar sidecar = read();
        assertEquals(.05f, sidecar.thresholds("cats", .375).get(0, Site.FFN_ACT)[0], 1e-7);
        assertEquals(.01f, sidecar.thresholds("cats", .125).get(0, Site.FFN_ACT)[0], 1e-7);
        // Level 0 skips exact zeros only, whatever the smallest quantile is.
        assertArrayEquals(new float[64], sidecar.thresholds("chess", 0).get(0, Site.FFN_ACT));
        assertEquals(.05f * 16, sidecar.thresholds("chess", .125).get(0, Site.FFN_ACT)[0], 1e-6);
    }

    @Test
    void aModelRunsAtItsLevel() {
        Path sidecar = write();
        double last = 0;
        for (double level : new double[] {0, .25, .5, .75}) {
            ModelOptions options = ModelOptions.builder()
                    .threads(1)
                    .sparsity(new Sparsity(sidecar, "chess", level))
                    .build();
            try (LanguageModel m = LanguageModel.open(model, options);
                    Session s = m.session()) {
                for (int i = 0; i < 5; i++) {
                    s.evaluate(new int[] {10 + i});
                }
                double skipped = s.report().skipped().get(Site.FFN_ACT);
                assertTrue(level == 0 ? skipped == 0 : skipped > last, "skipped at level " + level + ": " + skipped);
                assertTrue(s.sparseKernelCalls() > 0);
                last = skipped;
            }
        }
    }

    @Test
    void theSameKeysWorkInsideTheModel() {
        TinyModel carrying = tiny();
        keys.forEach((key, value) -> {
            if (key.startsWith("chess.") && !key.startsWith("chess.base.")) {
                carrying.metadata.put(key, value);
            }
        });
        tensors.forEach((name, values) -> carrying.floats(name, values, values.length));
        Path path = carrying.write(folder.resolve("carrying.gguf"));
        ModelOptions options = ModelOptions.builder()
                .threads(1)
                .sparsity(new Sparsity(null, "chess", .5))
                .build();
        try (LanguageModel m = LanguageModel.open(path, options)) {
            assertEquals(.2f / 4f, m.thresholds().get(0, Site.FFN_ACT)[63], 0);
        }
    }

    /** Changes the sound sidecar, reads it, takes its thresholds; returns the line that refused it. */
    private String refused(Consumer<SidecarTest> change) {
        Map<String, GgufValue> soundKeys = new LinkedHashMap<>(keys);
        Map<String, float[]> soundTensors = new LinkedHashMap<>(tensors);
        change.accept(this);
        String line = assertThrows(GambitException.class, () -> {
            Sidecar sidecar = read();
            sidecar.thresholds("chess", .5);
            sidecar.thresholds(null, .5);
        }).getMessage();
        assertTrue(line.lines().count() == 1 && line.contains(": expected ") && line.contains("; "), line);
        keys.clear();
        keys.putAll(soundKeys);
        tensors.clear();
        tensors.putAll(soundTensors);
        return line;
    }

    private void says(String part, Consumer<SidecarTest> change) {
        String line = refused(change);
        assertTrue(line.contains(part), "\"" + part + "\" in: " + line);
    }

    @Test
    void whatIsWrongIsNamed() {
        says("chess.version", s -> s.integer("chess.version", 2));
        says("chess.version", s -> s.keys.remove("chess.version"));
        says("adapter", s -> s.string("general.type", "model"));
        says("lora", s -> s.string("adapter.type", "lora"));
        says("chess.base.sha256", s -> s.string("chess.base.sha256", "0".repeat(64)));
        says("chess.base.sha256", s -> s.string("chess.base.sha256", ""));
        says("chess.base.block_count", s -> s.integer("chess.base.block_count", 3));
        says("chess.base.embedding_length", s -> s.integer("chess.base.embedding_length", 64));
        says("chess.base.feed_forward_length", s -> s.integer("chess.base.feed_forward_length", 0));
        says("chess.sparsity.levels", s -> s.floats("chess.sparsity.levels", 0, .5f, .4f, .75f));
        says("chess.sparsity.levels", s -> s.floats("chess.sparsity.levels", .1f, .25f, .5f, .75f));
        says("chess.sparsity.levels", s -> s.floats("chess.sparsity.levels", 0, Float.NaN, .5f, .75f));
        says("chess.sparsity.levels", s -> s.floats("chess.sparsity.levels", 0, .25f, .5f, 1.5f));
        says("chess.sparsity.levels", s -> s.floats("chess.sparsity.levels"));
        says("chess.sparsity.levels", s -> s.string("chess.sparsity.levels", "0.5"));
        says("chess.policies", s -> s.strings("chess.policies"));
        says("chess.policies", s -> s.keys.remove("chess.policies"));
        says("chess.policy.chess", s -> s.keys.remove("chess.policy.chess"));
        says("none of that name", s -> s.string("chess.policy.default", "none of that name"));
        says("MOE_IN", s -> s.strings("chess.policy.chess", "MOE_IN q.quantiles"));
        says("policy", s -> s.strings("chess.policy.chess", ""));
        says("policy", s -> s.strings("chess.policy.chess", "Q_IN"));
        says("policy", s -> s.strings("chess.policy.chess", "Q_IN q.quantiles a b"));
        says("blk.1.q.quantiles", s -> s.tensors.remove("blk.1.q.quantiles"));
        says("blk.0.q.quantiles", s -> s.tensors.put("blk.0.q.quantiles", new float[3]));
        says("blk.0.ffn_up.mean", s -> s.tensors.put("blk.0.ffn_up.mean", new float[63]));
        says("NaN", s -> s.tensors.get("blk.1.q.quantiles")[2] = Float.NaN);
        setUpAgain();
        says("-1", s -> s.tensors.get("blk.1.q.quantiles")[2] = -1);
        setUpAgain();
        says("Infinity", s -> s.tensors.get("blk.1.ffn_up.mean")[9] = Float.POSITIVE_INFINITY);
    }

    /** A vector's entry was changed in place. */
    private void setUpAgain() {
        keys.clear();
        tensors.clear();
        writeModelAndDescribeSidecar();
    }

    @Test
    void policyAndLevelHaveToBeThere() {
        Sidecar sidecar = read();
        for (String policy : new String[] {"teal", ""}) {
            String line = assertThrows(GambitException.class, () -> sidecar.thresholds(policy, .5)).getMessage();
            assertTrue(line.contains("chess, cats") && line.lines().count() == 1, line);
        }
        for (double level : new double[] {.76, 1, -.1, Double.NaN, Double.POSITIVE_INFINITY}) {
            String line = assertThrows(GambitException.class, () -> sidecar.thresholds("chess", level)).getMessage();
            assertTrue(line.contains("0 to 0.75") && line.lines().count() == 1, line);
        }
    }

    @Test
    void anotherModelIsRefused() {
        TinyModel other = tiny();
        other.floats("blk.1.ffn_norm.weight", new float[32], 32);
        Path fineTuned = other.write(folder.resolve("other.gguf"));
        Path sidecar = write();
        ModelOptions options =
                ModelOptions.builder().sparsity(Sparsity.of(sidecar, .5)).build();
        String line = assertThrows(GambitException.class, () -> LanguageModel.open(fineTuned, options)).getMessage();
        assertTrue(line.contains("calibrated for tiny") && line.contains("other.gguf"), line);
        // The other way round: the model as sidecar, the sidecar as model.
        assertThrows(GambitException.class, () -> LanguageModel.open(sidecar));
        ModelOptions swapped = ModelOptions.builder().sparsity(Sparsity.of(model, .5)).build();
        line = assertThrows(GambitException.class, () -> LanguageModel.open(model, swapped)).getMessage();
        assertTrue(line.contains("adapter / chess"), line);
    }

    /** All quantisations of a model take the same sidecar: only the norms are looked at. */
    @Test
    void aQuantisationOfTheModelIsTheModel() throws Exception {
        Path q8 = new TinyModel(new Shape(2, 32, 64, 2, 1, 16, 16), name -> GgmlType.Q8_0)
                .write(folder.resolve("q8.gguf"));
        assertTrue(Files.size(q8) < Files.size(model));
        try (GgufFile file = GgufFile.open(q8)) {
            assertEquals("cats", Sidecar.open(write(), file).defaultPolicy());
        }
    }
}
