package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.GapThresholds;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.ReferenceForward;
import dev.gambit.engine.testing.ReferenceForward.Masks;
import dev.gambit.engine.testing.TinyModel;
import dev.gambit.engine.testing.TinyModel.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Models of random weights, of all types and with all that the architecture allows, against {@link ReferenceForward}:
 * prompts at once and token by token, dense and with masks at all eight sites.
 */
class RandomModelTest {

    /** Logits are about as large as 3. */
    private static final double TOLERANCE = 2e-4;

    private static final Shape NARROW = new Shape(2, 96, 160, 4, 2, 24, 16);

    /** The models. */
    enum Model {
        F32_NARROW_HEADS {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.F32));
            }
        },
        F32_NOTHING_A_MULTIPLE_OF_ANYTHING {
            @Override
            TinyModel make() {
                return new TinyModel(new Shape(2, 50, 77, 3, 1, 10, 14), all(GgmlType.F32));
            }
        },
        F16_WIDE_HEADS_ONE_KEY_HEAD {
            @Override
            TinyModel make() {
                return new TinyModel(new Shape(2, 100, 150, 4, 1, 80, 64), all(GgmlType.F16));
            }
        },
        BF16_NO_GROUPS {
            @Override
            TinyModel make() {
                return new TinyModel(new Shape(2, 64, 192, 3, 3, 32, 32), all(GgmlType.BF16)).untied(GgmlType.F16);
            }
        },
        Q8_0 {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q8_0)).untied(GgmlType.Q8_0);
            }
        },
        Q4_0 {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q4_0));
            }
        },
        Q4_1 {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q4_1)).untied(GgmlType.Q4_0);
            }
        },
        Q5_0 {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q5_0));
            }
        },
        Q5_1 {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q5_1));
            }
        },
        K_QUANTS {
            @Override
            TinyModel make() {
                return new TinyModel(new Shape(2, 256, 512, 4, 2, 64, 64), name -> name.contains("attn_v")
                        || name.contains("ffn_down") || name.contains("token_embd")
                        ? GgmlType.Q6_K
                        : name.contains("gate") || name.contains("attn_k") ? GgmlType.Q5_K : GgmlType.Q4_K);
            }
        },
        /** As llama-quantize --tensor-type makes them: no layer like the other. */
        TYPES_BY_LAYER {
            @Override
            TinyModel make() {
                GgmlType[] types = {GgmlType.F32, GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.F16};
                return new TinyModel(new Shape(4, 32, 96, 2, 1, 16, 16), name -> name.startsWith("blk.")
                        ? types[(name.charAt(4) - '0' + (name.contains("up") ? 0 : 1)) % 4]
                        : GgmlType.Q8_0);
            }
        },
        BIASES_ROPE_FACTORS_PARTIAL_ROTATION {
            @Override
            TinyModel make() {
                float[] factors = {1, 1.5f, 2, 4, 8};
                return new TinyModel(NARROW, all(GgmlType.F32))
                        .biases()
                        .floats("rope_freqs.weight", factors, 5)
                        .set("llama.rope.dimension_count", 10)
                        .set("llama.rope.freq_base", 50_000f);
            }
        },
        LINEAR_ROPE_SCALING {
            @Override
            TinyModel make() {
                return new TinyModel(NARROW, all(GgmlType.Q8_0))
                        .biases()
                        .set("llama.rope.scaling.type", "linear")
                        .set("llama.rope.scaling.factor", 4f);
            }
        };

        abstract TinyModel make();

        private static Function<String, GgmlType> all(GgmlType type) {
            return name -> type;
        }
    }

    @TempDir
    Path folder;

    private Path write(TinyModel model) {
        return model.write(folder.resolve("tiny.gguf"));
    }

    static int[] tokens(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return random.ints(count, 0, TinyModel.VOCABULARY).toArray();
    }

    private static LanguageModel open(Path path, Thresholds thresholds) {
        return LanguageModel.open(
                path,
                ModelOptions.builder().cudaDriver(Reference.cudaDriver())
                        .threads(2)
                        .cacheType(KvCacheType.F32, KvCacheType.F32)
                        .thresholds(thresholds)
                        .build());
    }

    @ParameterizedTest
    @EnumSource(Model.class)
    void denseAsTheEquationsSay(Model kind) {
        Path path = write(kind.make());
        int[] tokens = tokens(21, 1);
        try (GgufFile file = GgufFile.open(path);
                LanguageModel model = open(path, null)) {
            double[][] expected = new ReferenceForward(file).logits(tokens, Masks.NONE);
            assertEquals(0, Logits.difference(Logits.atOnce(model, tokens), expected), TOLERANCE, "at once");
            assertEquals(0, Logits.difference(Logits.oneByOne(model, tokens), expected), TOLERANCE, "one by one");
        }
    }

    @ParameterizedTest
    @EnumSource(Model.class)
    void maskedAtAllSitesAsTheEquationsSay(Model kind) {
        masked(kind, EnumSet.allOf(Site.class));
    }

    /** Each site alone: the engine shares vectors between sites where it can. */
    @ParameterizedTest
    @EnumSource(Site.class)
    void maskedAtOneSiteAsTheEquationsSay(Site site) {
        masked(Model.BIASES_ROPE_FACTORS_PARTIAL_ROTATION, EnumSet.of(site));
    }

    private void masked(Model kind, Set<Site> sites) {
        TinyModel made = kind.make();
        Path path = write(made);
        int[] tokens = tokens(12, 2);
        int layers = (int) (long) (Long) made.metadata.get("llama.block_count").value();
        GapThresholds thresholds = new GapThresholds(layers, sites);
        try (GgufFile file = GgufFile.open(path)) {
            ReferenceForward reference = new ReferenceForward(file);
            double[][] expected = reference.logits(tokens, thresholds);
            assertTrue(reference.smallestMargin() > 1e-5, "margin " + reference.smallestMargin());
            try (LanguageModel model = open(path, thresholds.chosen());
                    Session atOnce = model.session();
                    Session oneByOne = model.session()) {
                assertEquals(0, Logits.difference(Logits.atOnce(atOnce, tokens), expected), TOLERANCE, "at once");
                assertEquals(0, Logits.difference(Logits.oneByOne(oneByOne, tokens), expected), TOLERANCE,
                        "one by one");
                assertEquals(oneByOne.report().active(), atOnce.report().active(), 1e-12, "active");
                assertTrue(oneByOne.sparseKernelCalls() >= (long) tokens.length * layers * sites.size(),
                        "sparse calls");
                for (Session s : new Session[] {atOnce, oneByOne}) {
                    for (Site site : sites) {
                        long kept = 0;
                        long channels = 0;
                        for (int l = 0; l < layers; l++) {
                            kept += reference.kept(l, site);
                            channels += (long) tokens.length * thresholds.chosen().get(l, site).length;
                        }
                        double skipped = s.report().skipped().get(site);
                        assertEquals(1 - (double) kept / channels, skipped, 1e-12, "skipped at " + site);
                    }
                    assertEquals(sites, s.report().skipped().keySet());
                }
            }
        }
    }

    /** More positions than one batch, one block of rows, one panel and one span of attention take. */
    @Test
    void longSequencesAsTheEquationsSay() {
        Path path = write(new TinyModel(new Shape(1, 32, 64, 4, 2, 16, 24), name -> GgmlType.F32)
                .set("llama.context_length", 1200));
        int[] tokens = tokens(1100, 3);
        try (GgufFile file = GgufFile.open(path);
                LanguageModel model = open(path, null)) {
            double[][] expected = new ReferenceForward(file).logits(tokens, Masks.NONE);
            assertEquals(0, Logits.difference(Logits.atOnce(model, tokens), expected), TOLERANCE, "at once");
            assertEquals(0, Logits.difference(Logits.oneByOne(model, tokens), expected), TOLERANCE, "one by one");
        }
    }

    /** What calibration is shown, before any mask. */
    @Test
    void listenersSeeTheVectorsOfTheEquations() {
        Path path = write(Model.BIASES_ROPE_FACTORS_PARTIAL_ROTATION.make());
        int[] tokens = tokens(15, 6);
        Map<String, double[][]> expected = new HashMap<>();
        try (GgufFile file = GgufFile.open(path);
                LanguageModel model = open(path, null);
                Session session = model.session()) {
            new ReferenceForward(file).logits(tokens, (layer, site, vectors) -> {
                expected.put(layer + " " + site, vectors.clone());
                return null;
            });
            int[] seen = new int[1];
            session.observe(tokens, (layer, vector, values, rows, width, stride) -> {
                Site site =
                        switch (vector) {
                            case ATTN_IN -> Site.Q_IN;
                            case ATTN_OUT -> Site.O_IN;
                            case FFN_IN -> Site.GATE_IN;
                            case FFN_ACT -> Site.FFN_ACT;
                            case FFN_UP -> null;
                        };
                assertEquals(tokens.length, rows);
                if (site != null) {
                    seen[0]++;
                    double[][] right = expected.get(layer + " " + site);
                    for (int r = 0; r < rows; r++) {
                        float[] row = Arrays.copyOfRange(values, r * stride, r * stride + width);
                        assertEquals(0, Logits.difference(row, right[r]), TOLERANCE, layer + " " + site);
                    }
                } else {
                    // The product with the activation is what down reads.
                    double[][] act = expected.get(layer + " " + Site.FFN_ACT);
                    double[][] product = expected.get(layer + " " + Site.DOWN_IN);
                    for (int r = 0; r < rows; r++) {
                        for (int i = 0; i < width; i++) {
                            assertEquals(product[r][i], act[r][i] * values[r * stride + i], TOLERANCE);
                        }
                    }
                }
            });
            assertEquals(8, seen[0]);
        }
    }

    /** Short prompts may go another way than long ones; where it ends has to be the same place. */
    @Test
    void promptsOfAnyLengthGiveTheSameLogits() {
        TinyModel made = new TinyModel(NARROW, name -> GgmlType.Q8_0);
        Path path = write(made);
        Thresholds t = new Thresholds(2);
        for (int l = 0; l < 2; l++) {
            for (Site site : Site.values()) {
                int channels =
                        switch (site) {
                            case O_IN -> 64;
                            case FFN_ACT, DOWN_IN -> 160;
                            default -> 96;
                        };
                float[] values = new float[channels];
                Arrays.fill(values, .1f);
                t.set(l, site, values);
            }
        }
        ModelOptions options = ModelOptions.builder().cudaDriver(Reference.cudaDriver())
                .threads(2)
                .cacheType(KvCacheType.F32, KvCacheType.F32)
                .thresholds(t)
                .densePrefill(true)
                .build();
        try (LanguageModel dense = open(path, null);
                LanguageModel sparse = open(path, t);
                LanguageModel mixed = LanguageModel.open(path, options)) {
            for (int n : new int[] {1, 2, 3, 7, 8, 9, 17}) {
                int[] prompt = tokens(n, n);
                float[][] expected = {
                    Logits.oneByOne(dense, prompt)[n - 1], Logits.oneByOne(sparse, prompt)[n - 1],
                };
                assertTrue(Logits.difference(new float[][] {expected[0]}, new float[][] {expected[1]}) > .01);
                int i = 0;
                for (LanguageModel m : new LanguageModel[] {dense, sparse, mixed}) {
                    // A prompt of one token is no prefill.
                    float[] right = expected[i == 2 ? n == 1 ? 1 : 0 : i];
                    try (Session s = m.session()) {
                        float[][] found = {s.evaluate(prompt)};
                        assertEquals(0, Logits.difference(found, new float[][] {right}), TOLERANCE, n + " tokens");
                        assertTrue(s.report().bytes() <= 1 + 1e-9, "bytes " + s.report().bytes());
                        assertEquals(n, s.position());
                    }
                    i++;
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(KvCacheType.class)
    void cachesRoundNoMoreThanTheirTypeSays(KvCacheType type) {
        Path path = write(new TinyModel(new Shape(2, 96, 160, 4, 2, 32, 64), name -> GgmlType.F32));
        int[] tokens = tokens(90, 4);
        ModelOptions options = ModelOptions.builder().threads(2).cacheType(type, type).build();
        try (LanguageModel exact = open(path, null);
                LanguageModel model = LanguageModel.open(path, options)) {
            float[][] expected = Logits.atOnce(exact, tokens);
            double bound = type == KvCacheType.F32 ? 0 : type == KvCacheType.F16 ? .02 : .3;
            assertEquals(0, Logits.difference(Logits.atOnce(model, tokens), expected), bound, "at once");
            double different = Logits.difference(Logits.oneByOne(model, tokens), expected);
            assertEquals(0, different, bound + TOLERANCE, "one by one");
            assertTrue(type == KvCacheType.F32 || different > 1e-5, "an exact cache of type " + type);
        }
    }

    /** Biases and factors that change nothing would make the tests above worthless. */
    @Test
    void whatIsOptionalMatters() {
        int[] tokens = tokens(9, 5);
        TinyModel made = Model.BIASES_ROPE_FACTORS_PARTIAL_ROTATION.make();
        Path path = write(made);
        double[][] with;
        try (GgufFile file = GgufFile.open(path)) {
            with = new ReferenceForward(file).logits(tokens, Masks.NONE);
        }
        for (String name : made.tensors.keySet().toArray(new String[0])) {
            if (name.equals("rope_freqs.weight") || name.startsWith("blk.1.") && name.endsWith("bias")) {
                var tensor = made.tensors.remove(name);
                Path other = made.write(folder.resolve("other.gguf"));
                made.tensors.put(name, tensor);
                try (LanguageModel model = open(other, null)) {
                    assertTrue(Logits.difference(Logits.atOnce(model, tokens), with) > 10 * TOLERANCE, name);
                }
            }
        }
    }
}
