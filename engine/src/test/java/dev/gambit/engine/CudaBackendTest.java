package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.Reference;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model on a GPU promises beyond the reference values; skipped, with the reason, where there is no GPU. */
class CudaBackendTest {

    private static String missing;

    @BeforeEach
    void needsAGpu() {
        if (missing == null) {
            try (LanguageModel model = open(null, KvCacheType.F16)) {
                missing = model.backendName().startsWith("CUDA") ? "" : model.backendName();
            } catch (GambitException e) {
                missing = e.getMessage();
            }
        }
        assumeTrue(missing.isEmpty(), missing);
    }

    private static LanguageModel open(Thresholds thresholds, KvCacheType cache) {
        return open(thresholds, cache, BackendChoice.CUDA, "ffm");
    }

    private static LanguageModel open(Thresholds thresholds, KvCacheType cache, BackendChoice backend, String driver) {
        return LanguageModel.open(
                Reference.fable(),
                ModelOptions.builder()
                        .threads(2)
                        .contextLength(1500)
                        .cacheType(cache, cache)
                        .thresholds(thresholds)
                        .backend(backend)
                        .cudaDriver(driver)
                        .build());
    }

    private static Thresholds thresholds(float embedding, float feedForward, Site... sites) {
        Thresholds t = new Thresholds(8);
        for (int l = 0; l < 8; l++) {
            for (Site site : sites) {
                boolean wide = site == Site.FFN_ACT || site == Site.DOWN_IN;
                float[] values = new float[wide ? 768 : 256];
                Arrays.fill(values, site == Site.O_IN ? embedding / 6 : wide ? feedForward : embedding);
                t.set(l, site, values);
            }
        }
        return t;
    }

    private static int[] tokens(int n) {
        return new SplittableRandom(1).ints(n, 0, 4096).toArray();
    }

    @Test
    void saysWhatItRunsOn() {
        try (LanguageModel model = open(null, KvCacheType.F16)) {
            assertTrue(model.backendName().matches("CUDA \\(.+, ffm\\)"), model.backendName());
        }
    }

    @ParameterizedTest
    @EnumSource(KvCacheType.class)
    void asTheProcessorDoes(KvCacheType cache) {
        Thresholds t = thresholds(.3f, .03f, Site.values());
        for (Thresholds which : new Thresholds[] {null, t, thresholds(.3f, .03f, Site.FFN_ACT, Site.Q_IN, Site.O_IN)}) {
            try (LanguageModel gpu = open(which, cache);
                    LanguageModel cpu = open(which, cache, BackendChoice.CPU, "ffm");
                    Session a = gpu.session();
                    Session b = cpu.session()) {
                float[] got = a.evaluate(tokens(600));
                float[] expected = b.evaluate(tokens(600));
                // Where a value is near its threshold or between two quantised ones, the two may choose differently.
                double bound = which == null && cache == KvCacheType.F32 ? 1e-3 : .35;
                assertEquals(0, difference(got, expected), bound, "prompt");
                int[] more = tokens(20);
                for (int token : more) {
                    got = a.evaluate(new int[] {token});
                    expected = b.evaluate(new int[] {token});
                }
                assertEquals(0, difference(got, expected), bound, "decoded");
                if (which != null) {
                    assertEquals(b.report().active(), a.report().active(), 1e-3);
                    for (Site site : b.report().skipped().keySet()) {
                        assertEquals(b.report().skipped().get(site), a.report().skipped().get(site), 2e-3, site.name());
                    }
                }
            }
        }
    }

    private static double difference(float[] a, float[] b) {
        double worst = 0;
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs(a[i] - b[i]));
        }
        return worst;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void twoRunsGiveTheSameBits(boolean sparse) {
        Thresholds t = sparse ? thresholds(.3f, .03f, Site.FFN_ACT, Site.Q_IN, Site.O_IN) : null;
        float[][] first = null;
        for (int i = 0; i < 2; i++) {
            try (LanguageModel model = open(t, KvCacheType.F16);
                    Session session = model.session()) {
                float[][] prompt = Logits.atOnce(session, tokens(700));
                float[][] decoded = Logits.oneByOne(session, tokens(50));
                float[][] all = {prompt[0], prompt[699], decoded[0], decoded[49]};
                if (first != null) {
                    assertArrayEquals(first, all);
                }
                first = all;
            }
        }
    }

    /** As on a GPU that shares the host's memory; others read it through the bus. */
    @Test
    void weightsThatAreReadInPlaceGiveTheSameBits() {
        float[][] logits = new float[2][];
        for (int i = 0; i < 2; i++) {
            String before = System.setProperty("gambit.cuda.load", i == 0 ? "copied" : "registered");
            try (LanguageModel model = open(thresholds(.3f, .03f, Site.FFN_ACT, Site.O_IN), KvCacheType.F16);
                    Session session = model.session()) {
                logits[i] = session.evaluate(tokens(300));
            } finally {
                if (before == null) {
                    System.clearProperty("gambit.cuda.load");
                } else {
                    System.setProperty("gambit.cuda.load", before);
                }
            }
        }
        assertArrayEquals(logits[0], logits[1]);
    }

    @Test
    void bothDriversGiveTheSameBitsWithTheSameSet() {
        assumeTrue(CudaDrivers.names().contains("jcuda"), "gambit-bindings-jcuda is not on the class path");
        String before = System.setProperty("gambit.cuda.ptx", "compute_80");
        try {
            float[][] first = null;
            for (String driver : new String[] {"ffm", "jcuda"}) {
                try (LanguageModel model = open(null, KvCacheType.F16, BackendChoice.CUDA, driver);
                        Session session = model.session()) {
                    float[][] all = {session.evaluate(tokens(300)), session.evaluate(tokens(1))};
                    if (first != null) {
                        assertArrayEquals(first, all);
                    }
                    first = all;
                }
            }
        } finally {
            if (before == null) {
                System.clearProperty("gambit.cuda.ptx");
            } else {
                System.setProperty("gambit.cuda.ptx", before);
            }
        }
    }

    @Test
    void levelZeroIsDense() {
        Thresholds zero = thresholds(0, 0, Site.FFN_ACT, Site.Q_IN, Site.O_IN);
        try (LanguageModel sparse = open(zero, KvCacheType.F32);
                LanguageModel dense = open(null, KvCacheType.F32);
                Session a = sparse.session();
                Session b = dense.session()) {
            assertEquals(0, difference(a.evaluate(tokens(100)), b.evaluate(tokens(100))), 0, "prompt");
            assertEquals(0, difference(a.evaluate(tokens(1)), b.evaluate(tokens(1))), 1e-4, "decoded");
            assertEquals(1, a.report().active(), 1e-3);
        }
    }

    @Test
    void samplersThatSeeOnlyTheLikeliestDrawTheSameTokens() {
        SamplingOptions drawn = SamplingOptions.builder().temperature(1f).topK(40).topP(.95f).seed(7).build();
        int[] prompt = tokens(10);
        try (LanguageModel model = open(null, KvCacheType.F32);
                Session a = model.session();
                Session b = model.session()) {
            GenerationOptions options = GenerationOptions.builder().maxTokens(60).ignoreEndOfGeneration(true)
                    .sampling(drawn).build();
            int[] got = a.generate(prompt, options, GenerationListener.NONE).tokens();
            var sampler = new dev.gambit.engine.internal.sampling.Sampler(drawn);
            float[] logits = b.evaluate(prompt);
            for (int token : got) {
                assertEquals(sampler.sample(logits), token);
                logits = b.evaluate(new int[] {token});
            }
        }
    }

    @Test
    void sessionsThatTakeTurnsDoNotMeet() {
        GenerationOptions options =
                GenerationOptions.builder().maxTokens(40).ignoreEndOfGeneration(true).sampling(SamplingOptions.greedy())
                        .build();
        try (LanguageModel model = open(null, KvCacheType.F16)) {
            int[][] alone = new int[4][];
            for (int i = 0; i < 4; i++) {
                try (Session s = model.session()) {
                    alone[i] = s.generate(tokens(20 + i), options, GenerationListener.NONE).tokens();
                }
            }
            int[][] together = new int[4][];
            Thread[] threads = new Thread[4];
            for (int i = 0; i < 4; i++) {
                int n = i;
                threads[i] = new Thread(() -> {
                    try (Session s = model.session()) {
                        together[n] = s.generate(tokens(20 + n), options, GenerationListener.NONE).tokens();
                    }
                });
                threads[i].start();
            }
            for (Thread t : threads) {
                assertTrue(join(t), "a session hangs");
            }
            assertArrayEquals(alone, together);
        }
    }

    private static boolean join(Thread t) {
        try {
            return t.join(java.time.Duration.ofNanos(TimeUnit.SECONDS.toNanos(60)));
        } catch (InterruptedException e) {
            return false;
        }
    }

    @Test
    void aClosedModelSaysSo() {
        LanguageModel model = open(null, KvCacheType.F16);
        Session session = model.session();
        session.evaluate(tokens(3));
        model.close();
        assertTrue(assertThrows(GambitException.class, () -> session.evaluate(tokens(1))).getMessage().contains(
                "closed"));
    }

    @Test
    void openingAndClosingLeavesTheMemoryWhereItWas() {
        CudaDriver driver = CudaDrivers.open("ffm");
        try (CudaContext context = driver.retainPrimaryContext(driver.devices().getFirst())) {
            long free = 0;
            for (int i = 0; i < 200; i++) {
                try (LanguageModel model = open(null, KvCacheType.F16);
                        Session session = model.session()) {
                    session.evaluate(tokens(i % 2 == 0 ? 3 : 30));
                }
                context.makeCurrent();
                if (i == 9) {
                    free = driver.memoryInfo().free(); // what the driver keeps for itself is there by now
                }
            }
            assertEquals(free, driver.memoryInfo().free(), 4 << 20);
        }
    }

    @Test
    void whatDoesNotFitIsALine() {
        GambitException e = assertThrows(GambitException.class, () -> {
            try (LanguageModel model = LanguageModel.open(
                    Reference.fable(),
                    ModelOptions.builder()
                            .contextLength(100_000)
                            .cacheType(KvCacheType.F32, KvCacheType.F32)
                            .backend(BackendChoice.CUDA)
                            .build())) {
                Session[] many = new Session[100_000];
                for (int i = 0; i < many.length; i++) {
                    many[i] = model.session();
                }
            }
        });
        assertTrue(e.getMessage().contains("--backend cpu") && !e.getMessage().contains("\n"), e.getMessage());
        try (LanguageModel model = open(null, KvCacheType.F16);
                Session session = model.session()) {
            session.evaluate(tokens(5));
        }
    }
}
