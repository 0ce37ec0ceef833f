package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.TinyModel;
import dev.gambit.engine.testing.TinyModel.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a model file, or with the options, is said in one line; nothing else comes out of opening it. */
class OpenRobustnessTest {

    private static final Shape SHAPE = new Shape(1, 32, 64, 2, 1, 16, 16);

    @TempDir
    Path folder;

    private static TinyModel sound() {
        return new TinyModel(SHAPE, name -> GgmlType.F32);
    }

    private static ModelOptions.Builder options() {
        return ModelOptions.builder().threads(1).contextLength(32);
    }

    /** Opens a model and uses it; returns the line it was refused with, or null. */
    private String use(TinyModel model, ModelOptions options) {
        Path path = model.write(folder.resolve("model.gguf"));
        try (LanguageModel m = LanguageModel.open(path, options);
                Session s = m.session()) {
            s.evaluate(new int[] {1, 2, 3});
            s.evaluate(new int[] {4});
            return null;
        } catch (GambitException e) {
            String line = e.getMessage();
            assertEquals(1, line.lines().count(), line);
            assertTrue(line.length() < 600, line);
            assertTrue(line.contains(": expected ") && line.contains(", found ") && line.contains("; "), line);
            return line;
        }
    }

    private String refused(TinyModel model) {
        String line = use(model, options().build());
        assertNotNull(line, "not refused");
        return line;
    }

    @Test
    void theSoundModelWorks() {
        assertEquals(null, use(sound(), options().build()));
        assertEquals(null, use(sound().biases().untied(GgmlType.F16), options().build()));
    }

    @Test
    void everyTensorIsRequired() {
        for (String name : List.copyOf(sound().tensors.keySet())) {
            TinyModel model = sound();
            model.tensors.remove(name);
            String line = refused(model);
            assertTrue(line.contains(name), line);
        }
    }

    @Test
    void everyTensorHasItsShape() {
        TinyModel all = sound().biases().untied(GgmlType.F32).floats("rope_freqs.weight", new float[8], 8);
        for (String name : new TreeMap<>(all.tensors).keySet()) {
            long[] right = all.tensors.get(name).shape();
            for (int d = 0; d < right.length; d++) {
                for (int change : new int[] {-1, 1, 32}) {
                    long[] wrong = right.clone();
                    wrong[d] += change;
                    if (name.equals("token_embd.weight") && d == 1) {
                        continue; // the vocabulary is what it says; it is compared with the tokenizer's below
                    }
                    TinyModel model = sound().biases().untied(GgmlType.F32);
                    int n = (int) (wrong[0] * (wrong.length > 1 ? wrong[1] : 1));
                    model.floats(name, new float[n], wrong);
                    String line = refused(model);
                    assertTrue(line.contains(name), line);
                }
            }
            TinyModel model = sound().biases().untied(GgmlType.F32);
            int n = (int) (right[0] * (right.length > 1 ? right[1] : 1));
            model.floats(name, new float[2 * n], right[0], right.length > 1 ? right[1] : 1, 2);
            assertTrue(refused(model).contains(name), "a third dimension of " + name);
        }
        TinyModel model = sound();
        model.floats("token_embd.weight", new float[32 * 300], 32, 300);
        assertTrue(refused(model).contains("token"), "more embeddings than tokens");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama.context_length",
                "llama.embedding_length",
                "llama.block_count",
                "llama.feed_forward_length",
                "llama.attention.head_count",
                "llama.attention.head_count_kv",
                "llama.attention.key_length",
                "llama.attention.value_length",
                "llama.attention.layer_norm_rms_epsilon",
                "llama.rope.dimension_count",
                "llama.rope.freq_base",
                "llama.rope.scaling.factor",
                "llama.expert_count",
                "tokenizer.ggml.eos_token_id",
                "tokenizer.ggml.tokens",
                "tokenizer.ggml.merges",
                "general.architecture"
            })
    void hyperparametersMayBeAnything(String key) {
        for (long value : new long[] {
            0, -1, 1, 2, 3, 7, 31, 33, 100, 1 << 16, 1 << 24, Integer.MAX_VALUE, 1L << 32, 1L << 62, Long.MIN_VALUE
        }) {
            change(key, new GgufValue(GgufValueType.INT64, null, value));
        }
        for (double value : new double[] {0, -1, 1e-45, 1e-30, .5, 1e30, Double.NaN, Double.POSITIVE_INFINITY}) {
            change(key, new GgufValue(GgufValueType.FLOAT32, null, value));
            change(key, new GgufValue(GgufValueType.FLOAT64, null, value));
        }
        change(key, new GgufValue(GgufValueType.FLOAT64, null, 1e300));
        change(key, new GgufValue(GgufValueType.FLOAT64, null, 1e-300));
        change(key, new GgufValue(GgufValueType.STRING, null, "linear"));
        change(key, new GgufValue(GgufValueType.BOOL, null, true));
        change(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.INT32, new long[] {2, 2}));
        change(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, new String[0]));
        change(key, null);
    }

    private void change(String key, GgufValue value) {
        TinyModel model = sound().set("llama.rope.scaling.type", "linear");
        model.metadata.remove(key);
        if (value != null) {
            model.metadata.put(key, value);
        }
        try {
            use(model, options().build());
            use(model, ModelOptions.builder().threads(1).build());
        } catch (RuntimeException | Error e) {
            fail(key + " = " + value, e);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "general.architecture, gemma7, gemma7",
        "general.type, adapter, adapter",
        "tokenizer.ggml.pre, klingon, klingon",
        "tokenizer.ggml.model, rwkv, rwkv",
        "llama.rope.scaling.type, yarn, yarn",
    })
    void whatIsNotSupportedIsNamed(String key, String value, String found) {
        String line = refused(sound().set(key, value));
        assertTrue(line.contains(key) && line.contains(found), line);
    }

    /** 24832 heads of 172961 are 2³² + 256 entries: the shapes would fit if their product overflowed. */
    @Test
    void productsOfDimensionsDoNotOverflow() {
        TinyModel model = new TinyModel(new Shape(1, 32, 64, 16, 16, 16, 16), name -> GgmlType.F32);
        model.set("llama.attention.head_count", 24832);
        model.set("llama.attention.head_count_kv", 24832);
        model.set("llama.attention.key_length", 172961);
        model.set("llama.attention.value_length", 172961);
        refused(model);
    }

    /** Larger than the panels that attention is cut into. */
    @ParameterizedTest
    @CsvSource({"520, 16", "16, 520", "1030, 70"})
    void wideHeadsWork(int keyLength, int valueLength) {
        TinyModel model =
                new TinyModel(new Shape(1, 32, 64, 2, 1, keyLength, valueLength), name -> GgmlType.F32);
        assertEquals(null, use(model, options().build()));
    }

    @Test
    void damagedWeightsDoNotStopTheEngine() {
        for (GgmlType type : List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0, GgmlType.Q4_1)) {
            TinyModel model = new TinyModel(SHAPE, name -> type).untied(type);
            for (String name : List.copyOf(model.tensors.keySet())) {
                TinyModel.Tensor t = model.tensors.get(name);
                byte[] ones = new byte[(int) t.data().byteSize()];
                java.util.Arrays.fill(ones, (byte) 0xff); // NaN in every type that has one
                model.tensors.put(name, new TinyModel.Tensor(t.type(), t.shape(), MemorySegment.ofArray(ones)));
                assertEquals(null, use(model, options().build()), name);
                model.tensors.put(name, t);
            }
        }
    }

    @Test
    void quantisedCachesWantWholeBlocks() {
        ModelOptions q8 = options().cacheType(KvCacheType.Q8_0, KvCacheType.Q8_0).build();
        String line = use(sound(), q8);
        assertNotNull(line, "heads of 16 in a q8_0 cache");
        assertTrue(line.contains("16"), line);
        TinyModel wide = new TinyModel(new Shape(1, 32, 64, 2, 1, 32, 16), name -> GgmlType.F32);
        assertNotNull(use(wide, q8), "values of 16 in a q8_0 cache");
        assertEquals(null, use(wide, options().cacheType(KvCacheType.Q8_0, KvCacheType.F16).build()));
    }

    @Test
    void aCacheThatDoesNotFitIsRefused() {
        TinyModel model = new TinyModel(new Shape(1, 32, 64, 256, 256, 64, 64), name -> GgmlType.F32);
        String line = use(model, options().contextLength(1 << 28).build());
        assertNotNull(line, "a cache of 16 TiB");
        assertTrue(line.contains("context") || line.contains("cache"), line);
    }

    @Test
    void thresholdsHaveToFitTheModel() {
        for (Site site : Site.values()) {
            Thresholds t = new Thresholds(1);
            t.set(0, site, new float[31]);
            String line = use(sound(), options().thresholds(t).build());
            assertNotNull(line, "31 thresholds at " + site);
            assertTrue(line.contains(site.name()) && line.contains("31"), line);
        }
        assertNotNull(use(sound(), options().thresholds(new Thresholds(2)).build()), "two layers");
        assertEquals(null, use(sound(), options().thresholds(new Thresholds(1)).build()));
        String line = use(sound(), options().sparsity(new Sparsity(null, null, .5)).build());
        assertNotNull(line, "no sidecar");
        line = use(sound(), options().sparsity(Sparsity.of(folder.resolve("none.gguf"), .5)).build());
        assertNotNull(line, "no such sidecar");
    }
}
