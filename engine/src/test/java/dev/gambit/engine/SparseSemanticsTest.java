package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.GapThresholds;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.ReferenceForward;
import dev.gambit.engine.testing.ReferenceForward.Masks;
import dev.gambit.engine.testing.TinyModel;
import dev.gambit.engine.testing.TinyModel.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What thresholds mean: what is skipped, what it does to the logits, and what is reported. */
class SparseSemanticsTest {

    private static final Shape TINY = new Shape(2, 64, 128, 2, 1, 32, 32);

    @TempDir
    Path folder;

    private static LanguageModel open(Path path, Thresholds thresholds) {
        return open(path, thresholds, false);
    }

    private static LanguageModel open(Path path, Thresholds thresholds, boolean densePrefill) {
        return LanguageModel.open(
                path,
                ModelOptions.builder()
                        .threads(2)
                        .cacheType(KvCacheType.F32, KvCacheType.F32)
                        .thresholds(thresholds)
                        .densePrefill(densePrefill)
                        .build());
    }

    private static Thresholds everywhere(int layers, Shape s, float value) {
        Thresholds t = new Thresholds(layers);
        for (int l = 0; l < layers; l++) {
            for (Site site : Site.values()) {
                t.set(l, site, filled(channels(s, site), value));
            }
        }
        return t;
    }

    private static int channels(Shape s, Site site) {
        return switch (site) {
            case O_IN -> s.heads() * s.valueLength();
            case FFN_ACT, DOWN_IN -> s.feedForward();
            default -> s.embedding();
        };
    }

    private static float[] filled(int n, float value) {
        float[] t = new float[n];
        Arrays.fill(t, value);
        return t;
    }

    private static final Shape FABLE = new Shape(8, 256, 768, 8, 4, 32, 32);

    private static int[] fablePrompt() {
        return Reference.ints(Reference.fableCases().get(2).get("prompt_token_ids"));
    }

    @Test
    void thresholdsOfZeroRunTheSparseKernelsAndChangeNothing() {
        int[] tokens = fablePrompt();
        long zeros = zeroEmbeddings(tokens);
        assertTrue(zeros > 0, "quantised embeddings have zeros");
        try (LanguageModel dense = open(Reference.fable(), null);
                LanguageModel sparse = open(Reference.fable(), everywhere(8, FABLE, 0f));
                Session atOnce = sparse.session();
                Session oneByOne = sparse.session();
                Session plain = dense.session()) {
            assertTrue(Logits.divergence(Logits.atOnce(plain, tokens), Logits.atOnce(atOnce, tokens)) < 1e-6);
            assertTrue(
                    Logits.divergence(Logits.oneByOne(dense, tokens), Logits.oneByOne(oneByOne, tokens)) < 1e-6);
            assertEquals(tokens.length * 8L * Site.COUNT, oneByOne.sparseKernelCalls());
            assertEquals(0, plain.sparseKernelCalls());
            for (Session s : new Session[] {atOnce, oneByOne}) {
                assertEquals(EnumSet.allOf(Site.class), s.report().skipped().keySet());
                s.report().skipped().forEach((site, skipped) -> {
                    boolean first = site == Site.Q_IN || site == Site.K_IN || site == Site.V_IN;
                    double expected = first ? zeros / (tokens.length * 8.0 * 256) : 0;
                    assertEquals(expected, skipped, 1e-12, "exact zeros at " + site);
                });
                long perToken = 8 * (2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 768);
                double unused = zeros * 512.0 / (tokens.length * (double) perToken);
                assertEquals(1 - unused, s.report().active(), 1e-12);
            }
            assertEquals(1, oneByOne.report().bytes(), 1e-3);
            assertTrue(plain.report().skipped().isEmpty());
        }
    }

    /** Entries of the tokens' embeddings that are exactly zero; no other vector of the model in the jar has any. */
    private static long zeroEmbeddings(int[] tokens) {
        long zeros = 0;
        try (GgufFile file = GgufFile.open(Reference.fable());
                Arena arena = Arena.ofConfined()) {
            GgufTensor t = file.require("token_embd.weight");
            float[] row = new float[256];
            for (int token : tokens) {
                Dequantizer.row(t.type(), file.map(t, arena), token, 256, row, 0);
                for (float v : row) {
                    zeros += v == 0 ? 1 : 0;
                }
            }
        }
        return zeros;
    }

    @Test
    void thresholdsOfZeroSkipExactZeros() {
        TinyModel made = new TinyModel(TINY, name -> GgmlType.F32);
        int zeros = 0;
        for (int row : new int[] {0, 5, 127}) {
            MemorySegment gate = made.tensors.get("blk.1.ffn_gate.weight").data();
            for (int i = 0; i < 64; i++) {
                gate.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (row * 64L + i) * 4, 0f);
            }
            zeros++;
        }
        Path path = made.write(folder.resolve("zeros.gguf"));
        int[] tokens = RandomModelTest.tokens(9, 1);
        try (LanguageModel dense = open(path, null);
                LanguageModel sparse = open(path, everywhere(2, TINY, 0f));
                Session atOnce = sparse.session();
                Session oneByOne = sparse.session()) {
            float[][] expected = Logits.oneByOne(dense, tokens);
            assertEquals(0, Logits.difference(Logits.atOnce(atOnce, tokens), expected), 1e-4);
            assertEquals(0, Logits.difference(Logits.oneByOne(oneByOne, tokens), expected), 1e-4);
            for (Session s : new Session[] {atOnce, oneByOne}) {
                assertEquals(zeros / 256.0, s.report().skipped().get(Site.FFN_ACT), 1e-12);
                assertEquals(zeros / 256.0, s.report().skipped().get(Site.DOWN_IN), 1e-12);
                assertEquals(0, s.report().skipped().get(Site.Q_IN), 0);
            }
        }
    }

    @Test
    void infiniteThresholdsLeaveTheFeedForwardOut() {
        TinyModel made = new TinyModel(TINY, name -> GgmlType.Q8_0);
        Path path = made.write(folder.resolve("model.gguf"));
        for (int l = 0; l < 2; l++) {
            made.floats("blk." + l + ".ffn_down.weight", new float[128 * 64], 128, 64);
        }
        Path without = made.write(folder.resolve("without.gguf"));
        Thresholds t = new Thresholds(2);
        t.set(0, Site.FFN_ACT, filled(128, Float.POSITIVE_INFINITY));
        t.set(1, Site.FFN_ACT, filled(128, Float.POSITIVE_INFINITY));
        int[] tokens = RandomModelTest.tokens(9, 2);
        try (GgufFile file = GgufFile.open(path);
                LanguageModel sparse = open(path, t);
                LanguageModel zero = open(without, null);
                Session s = sparse.session()) {
            double[][] expected = new ReferenceForward(file).withoutFfn().logits(tokens, Masks.NONE);
            float[][] oneByOne = Logits.oneByOne(s, tokens);
            assertEquals(0, Logits.difference(oneByOne, expected), 1e-4);
            assertEquals(1, s.report().skipped().get(Site.FFN_ACT), 0);
            assertEquals(0, Logits.difference(Logits.atOnce(sparse, tokens), expected), 1e-4);
            assertArrayEquals(Logits.oneByOne(zero, tokens), oneByOne);
        }
    }

    /** The model in the jar, half of everything skipped, against the equations. */
    @Test
    void fableMaskedAtAllSites() {
        int[] tokens = Arrays.copyOf(fablePrompt(), 12);
        GapThresholds thresholds = new GapThresholds(8, EnumSet.allOf(Site.class));
        try (GgufFile file = GgufFile.open(Reference.fable())) {
            ReferenceForward reference = new ReferenceForward(file);
            double[][] expected = reference.logits(tokens, thresholds);
            double margin = reference.smallestMargin();
            assertTrue(margin > 1e-5, "smallest distance to a threshold: " + margin);
            double[][] dense = reference.logits(tokens, Masks.NONE);
            try (LanguageModel model = open(Reference.fable(), thresholds.chosen());
                    LanguageModel halfDense = open(Reference.fable(), thresholds.chosen(), true);
                    Session s = model.session()) {
                assertEquals(0, Logits.difference(Logits.atOnce(model, tokens), expected), 1e-3, "at once");
                assertEquals(0, Logits.difference(Logits.oneByOne(s, tokens), expected), 1e-3, "one by one");
                assertTrue(s.report().active() < .65, "active " + s.report().active());
                assertEquals(0, Logits.difference(Logits.atOnce(halfDense, tokens), dense), 1e-3, "dense prefill");
                assertEquals(0, Logits.difference(Logits.oneByOne(halfDense, tokens), expected), 1e-3, "then sparse");
            }
        }
    }

    /**
     * Row i of up times c and column i of down over c is the same model. Masks on the activation do not see it, so the same
     * thresholds keep the same channels; masks on the product see it, and want thresholds times c.
     */
    @ParameterizedTest
    @EnumSource(
            value = Site.class,
            names = {"FFN_ACT", "DOWN_IN"})
    void scalingAChannelChangesNothing(Site site) {
        TinyModel made = new TinyModel(TINY, name -> GgmlType.F32);
        Path path = made.write(folder.resolve("model.gguf"));
        float[] c = new float[128];
        for (int i = 0; i < 128; i++) {
            c[i] = (float) Math.pow(2, i % 7 - 3); // exact in floating point
        }
        for (int l = 0; l < 2; l++) {
            MemorySegment up = made.tensors.get("blk." + l + ".ffn_up.weight").data();
            MemorySegment down = made.tensors.get("blk." + l + ".ffn_down.weight").data();
            for (int i = 0; i < 128; i++) {
                for (int j = 0; j < 64; j++) {
                    multiply(up, i * 64 + j, c[i]);
                    multiply(down, j * 128 + i, 1 / c[i]);
                }
            }
        }
        Path scaled = made.write(folder.resolve("scaled.gguf"));
        Thresholds t = new Thresholds(2);
        Thresholds other = new Thresholds(2);
        for (int l = 0; l < 2; l++) {
            float[] value = filled(128, .2f);
            float[] times = value.clone();
            for (int i = 0; i < 128; i++) {
                times[i] *= site == Site.DOWN_IN ? c[i] : 1;
            }
            t.set(l, site, value);
            other.set(l, site, times);
        }
        int[] tokens = RandomModelTest.tokens(9, 3);
        try (LanguageModel one = open(path, t);
                LanguageModel two = open(scaled, other);
                LanguageModel same = open(scaled, t);
                Session a = one.session();
                Session b = two.session()) {
            float[][] expected = Logits.oneByOne(a, tokens);
            assertArrayEquals(expected, Logits.oneByOne(b, tokens));
            // On a GPU a batch's rows are scaled by their largest entry before they are split into half floats.
            double rounding = one.backendName().startsWith("CPU") ? 0 : 1e-5;
            assertEquals(0, Logits.difference(Logits.atOnce(one, tokens), Logits.atOnce(two, tokens)), rounding);
            double skipped = a.report().skipped().get(site);
            assertTrue(skipped > .2 && skipped < .8, "skipped " + skipped);
            assertEquals(skipped, b.report().skipped().get(site), 0);
            boolean unchanged = Logits.difference(expected, Logits.oneByOne(same, tokens)) == 0;
            assertEquals(site == Site.FFN_ACT, unchanged, "with the thresholds of the unscaled model");
        }
    }

    private static void multiply(MemorySegment floats, long index, float by) {
        float v = floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * 4);
        floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, index * 4, v * by);
    }

    /** One token of a model without padding: every number of the report can be counted by hand. */
    @Test
    void reportsWhatWasRead() {
        Shape s = new Shape(1, 64, 128, 2, 2, 32, 32);
        Path path = new TinyModel(s, name -> GgmlType.F32).write(folder.resolve("count.gguf"));
        Thresholds t = everywhere(1, s, .3f);
        t.set(0, Site.K_IN, filled(64, .6f));
        t.set(0, Site.UP_IN, filled(64, .9f));
        t.set(0, Site.DOWN_IN, filled(128, .4f));
        try (GgufFile file = GgufFile.open(path);
                LanguageModel model = open(path, t);
                Session session = model.session()) {
            ReferenceForward reference = new ReferenceForward(file);
            reference.logits(new int[] {77}, Masks.of(t));
            assertTrue(reference.smallestMargin() > 1e-5, "margin " + reference.smallestMargin());
            session.evaluate(new int[] {77});
            SparsityReport report = session.report();
            long[] kept = new long[Site.COUNT];
            for (Site site : Site.values()) {
                kept[site.ordinal()] = reference.kept(0, site);
                double expected = 1 - (double) kept[site.ordinal()] / channels(s, site);
                assertEquals(expected, report.skipped().get(site), 1e-12, "skipped at " + site);
            }
            long attention = kept[Site.Q_IN.ordinal()] * 64
                    + kept[Site.K_IN.ordinal()] * 64
                    + kept[Site.V_IN.ordinal()] * 64
                    + kept[Site.O_IN.ordinal()] * 64;
            long gateAndDown = kept[Site.GATE_IN.ordinal()] * 128 + kept[Site.DOWN_IN.ordinal()] * 64;
            long up = kept[Site.UP_IN.ordinal()] * kept[Site.FFN_ACT.ordinal()];
            long all = 4 * 64 * 64 + 3 * 64 * 128;
            assertEquals((double) (attention + gateAndDown + up) / all, report.active(), 1e-12);
            // A kept row of up is read whole, whatever its inputs' masks say.
            long read = attention + gateAndDown + kept[Site.FFN_ACT.ordinal()] * 64;
            double bytes = (model.weightBytes() - 4 * (all - read)) / (double) model.weightBytes();
            assertEquals(bytes, report.bytes(), 1e-12);
            session.resetReport();
            assertEquals(1, session.report().active(), 0);
            assertEquals(0, session.sparseKernelCalls());
        }
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void denseDecodingReadsEveryByte(GgmlType type) {
        Shape s = new Shape(2, Math.max(96, type.blockSize()), Math.max(192, type.blockSize()), 4, 2, 64, 64);
        // Quantised embeddings would have zeros to skip.
        Path path = new TinyModel(s, name -> name.startsWith("token") ? GgmlType.F32 : type)
                .untied(type)
                .write(folder.resolve("dense.gguf"));
        for (Thresholds t : new Thresholds[] {null, everywhere(2, s, 0f)}) {
            try (LanguageModel model = open(path, t);
                    Session session = model.session()) {
                Logits.oneByOne(session, 5, 6, 7);
                assertEquals(1, session.report().bytes(), 1e-9, "bytes");
                assertEquals(1, session.report().active(), 0, "active");
            }
        }
    }

    @Test
    void aSessionWithoutThresholdsSkipsNothing() {
        try (LanguageModel model = open(Reference.fable(), null);
                Session session = model.session()) {
            session.evaluate(new int[] {5});
            assertEquals(1, session.report().bytes(), 1e-9);
            assertEquals(1, session.report().active(), 0);
            assertFalse(session.report().skipped().containsKey(Site.FFN_ACT));
        }
    }
}
