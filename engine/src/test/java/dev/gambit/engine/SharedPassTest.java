package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.model.Turns;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.ChildJvm;
import dev.gambit.engine.testing.TinyModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Sessions that generate at the same time share passes over the weights, and none of them can tell. */
@Timeout(240)
public class SharedPassTest {

    private static final int SESSIONS = 16;

    @TempDir
    Path folder;

    /** Opens the built-in model with its thresholds. */
    public static LanguageModel fable(KvCacheType cache) {
        return EmbeddedModel.open(ModelOptions.builder()
                .backend(BackendChoice.CPU)
                .threads(2)
                .contextLength(512)
                .cacheType(cache, cache)
                .sparsity(new Sparsity(null, null, 0.5))
                .build());
    }

    /** Session {@code i}'s level and policy: every fourth is dense. */
    private static void configure(LanguageModel model, Session s, int i) {
        List<String> policies = model.sidecar().policies();
        s.sparsity(i % 4 == 0 ? null : new Sparsity(null, policies.get(i % policies.size()), 0.2 * (i % 4)));
    }

    /** A sequence's token ids and all its logits, as one number a step. */
    private static long[] run(LanguageModel model, int i, boolean configured, CyclicBarrier start) throws Exception {
        SplittableRandom random = new SplittableRandom(i);
        int vocabulary = model.tokenizer().vocabularySize();
        int[] prompt = random.ints(i == 5 ? 300 : 1 + i * 7 % 40, 0, vocabulary).toArray();
        long[] out = new long[8 + i];
        try (Session s = model.session()) {
            if (configured) {
                configure(model, s, i);
            }
            float[] logits = s.evaluate(prompt);
            if (start != null) {
                start.await();
            }
            for (int t = 0; t < out.length; t++) {
                int next = 0;
                for (int j = 0; j < logits.length; j++) {
                    next = logits[j] > logits[next] ? j : next;
                }
                out[t] = (long) next << 32 | Arrays.hashCode(logits) & 0xffffffffL;
                if (configured && t == 6 && i % 3 == 1) {
                    s.sparsity(0.7); // a session changes its mind halfway
                }
                logits = s.evaluate(new int[] {next});
            }
            return out;
        }
    }

    /** Compares sequences alone and together; returns how many steps a pass had on average. */
    public static double compare(LanguageModel model, int sessions, boolean configured) throws Exception {
        return compare(model, sessions, configured, null);
    }

    /** With a barrier the sequences' first steps begin at once; without, they join one after the other. */
    private static double compare(LanguageModel model, int sessions, boolean configured, CyclicBarrier start)
            throws Exception {
        long[][] alone = new long[sessions][];
        for (int i = 0; i < sessions; i++) {
            alone[i] = run(model, i, configured, null);
        }
        Turns turns = model.turns();
        long passes = turns.passes();
        long steps = turns.steps();
        try (ExecutorService pool = Executors.newFixedThreadPool(sessions)) {
            List<Callable<long[]>> tasks = new ArrayList<>();
            for (int i = 0; i < sessions; i++) {
                int session = i;
                tasks.add(() -> {
                    Thread.sleep(start == null ? session * 3L : 0); // in any case they end at different times
                    return run(model, session, configured, start);
                });
            }
            List<Future<long[]>> together = pool.invokeAll(tasks);
            for (int i = 0; i < sessions; i++) {
                assertArrayEquals(alone[i], together.get(i).get(), "session " + i);
            }
        }
        return (double) (turns.steps() - steps) / (turns.passes() - passes);
    }

    @ParameterizedTest
    @EnumSource(KvCacheType.class)
    void aSequencesBitsDoNotDependOnTheOthers(KvCacheType cache) throws Exception {
        try (LanguageModel model = fable(cache)) {
            double shared = compare(model, SESSIONS, true);
            assertTrue(shared > 2, "steps a pass: " + shared);
        }
    }

    @ParameterizedTest
    @EnumSource(KvCacheType.class)
    void aShortPromptsTokensShareAPass(KvCacheType cache) {
        try (LanguageModel model = fable(cache)) {
            for (int n = 2; n < model.backend().minBatch(); n++) {
                int[] prompt = new SplittableRandom(n).ints(n, 0, model.tokenizer().vocabularySize()).toArray();
                try (Session together = model.session(); Session alone = model.session()) {
                    together.evaluate(prompt);
                    long passes = model.turns().passes();
                    float[] logits = together.evaluate(prompt);
                    assertEquals(passes, model.turns().passes(), "not a step a token");
                    float[] last = null;
                    for (int i = 0; i < 2 * n; i++) {
                        last = alone.evaluate(new int[] {prompt[i % n]});
                    }
                    assertArrayEquals(last, logits, n + " tokens");
                    assertEquals(alone.report().active(), together.report().active(), 1e-12);
                    assertEquals(alone.report().skipped(), together.report().skipped());
                    assertArrayEquals(alone.evaluate(new int[] {1}), together.evaluate(new int[] {1}), "the next");
                }
            }
        }
    }

    /** Every type of weights, in panels of a tile, in records of a channel and, large, in wide panels. */
    @ParameterizedTest
    @CsvSource({"F32, 0.5", "F16, 0.9", "BF16, 0.9", "Q8_0, 0", "Q8_0, 0.9", "Q4_0, 0.5", "Q4_1, 0.9", "Q6_K, 0.5"})
    void whateverTheWeightsAre(GgmlType type, double level) throws Exception {
        TinyModel.Shape shape = new TinyModel.Shape(2, 256, 768, 4, 2, 64, 64);
        Path file = new TinyModel(shape, name -> type).biases().write(folder.resolve("tiny.gguf"));
        tiny(file, shape, level, 7);
    }

    @ParameterizedTest
    @CsvSource({"BF16, 1024, 4096", "Q8_0, 2048, 4096"})
    void whereColumnsAreStreams(GgmlType type, int width, int feedForward) throws Exception {
        TinyModel.Shape shape = new TinyModel.Shape(1, width, feedForward, 4, 2, 64, 64);
        Path file = new TinyModel(shape, name -> type).write(folder.resolve("wide.gguf"));
        tiny(file, shape, 0.9, 5);
    }

    private static void tiny(Path file, TinyModel.Shape shape, double level, int sessions) throws Exception {
        Thresholds t = level == 0 ? null : new Thresholds(shape.layers(), level);
        for (int l = 0; t != null && l < shape.layers(); l++) {
            for (Site site : Site.values()) {
                boolean inner = site == Site.FFN_ACT || site == Site.DOWN_IN;
                int n = inner ? shape.feedForward()
                        : site == Site.O_IN ? shape.heads() * shape.valueLength() : shape.embedding();
                float[] values = new float[n];
                Arrays.fill(values, (float) level * (inner ? .2f : .8f));
                t.set(l, site, values);
            }
        }
        ModelOptions options = ModelOptions.builder()
                .backend(BackendChoice.CPU).threads(3).contextLength(400).thresholds(t).build();
        try (LanguageModel model = LanguageModel.open(file, options)) {
            // A step takes less than a thread's waking may take on a busy machine: once in a few rounds they must meet.
            double shared = 0;
            for (int round = 0; round < 10 && shared <= 1.5; round++) {
                shared = Math.max(shared, compare(model, sessions, false, new CyclicBarrier(sessions)));
            }
            assertTrue(shared > 1.5, "steps a pass: " + shared);
        }
    }

    @Test
    void scalarKernelsToo() {
        ChildJvm child = ChildJvm.run(List.of("-Dgambit.kernels=scalar", "-XX:+UseSerialGC"), SharedPassTest.class);
        assertEquals(0, child.exitCode(), child.out() + child.err());
        assertTrue(child.out().startsWith("CPU (scalar"), child.out());
    }

    /** For {@link #scalarKernelsToo}. */
    public static void main(String[] args) throws Exception {
        try (LanguageModel model = fable(KvCacheType.F16)) {
            System.out.println(model.backendName() + " " + compare(model, 4, true));
        }
    }

    private static GenerationOptions tokens(int count) {
        return GenerationOptions.builder()
                .maxTokens(count).ignoreEndOfGeneration(true).sampling(SamplingOptions.greedy()).build();
    }

    /** One is cancelled, one's listener throws, one is closed; the others write what they write alone. */
    @Test
    void whatHappensToOneDoesNotReachTheOthers() throws Exception {
        try (LanguageModel model = fable(KvCacheType.F16);
                ExecutorService pool = Executors.newFixedThreadPool(8)) {
            int[] expected;
            try (Session s = model.session()) {
                expected = s.generate("Once upon a time", tokens(40), GenerationListener.NONE).tokens();
            }
            for (int round = 0; round < 2; round++) {
                List<Future<int[]>> undisturbed = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    undisturbed.add(pool.submit(() -> {
                        try (Session s = model.session()) {
                            return s.generate("Once upon a time", tokens(40), GenerationListener.NONE).tokens();
                        }
                    }));
                }
                Session cancelled = model.session();
                int[] seen = {0};
                Future<GenerationResult> ended = pool.submit(() -> cancelled.generate("The", tokens(40), (t, text) -> {
                    if (++seen[0] == 7) {
                        CompletableFuture.runAsync(cancelled::cancel).join();
                    }
                }));
                Session throwing = model.session();
                Future<GenerationResult> failed = pool.submit(() -> throwing.generate("The", tokens(40), (t, text) -> {
                    throw new IllegalStateException("mine");
                }));
                Session closed = model.session();
                Future<GenerationResult> gone = pool.submit(() -> closed.generate("The", tokens(40), (t, text) -> closed
                        .close()));
                assertEquals(Finish.CANCELLED, ended.get(30, TimeUnit.SECONDS).finish());
                assertEquals(7, ended.get().tokens().length);
                Throwable mine = assertThrows(ExecutionException.class, () -> failed.get(30, TimeUnit.SECONDS))
                        .getCause();
                assertEquals("mine", mine.getMessage());
                Throwable line = assertThrows(ExecutionException.class, () -> gone.get(30, TimeUnit.SECONDS))
                        .getCause();
                assertTrue(line instanceof GambitException && line.getMessage().contains("closed"), line.toString());
                for (Future<int[]> f : undisturbed) {
                    assertArrayEquals(expected, f.get(30, TimeUnit.SECONDS));
                }
                cancelled.close();
                throwing.close();
            }
        }
    }

    /** The bytes of a pass are counted once, for all who were in it. */
    @Test
    void bytesAreShared() throws Exception {
        try (LanguageModel model = EmbeddedModel.open(
                ModelOptions.builder().backend(BackendChoice.CPU).threads(2).contextLength(128).build());
                ExecutorService pool = Executors.newFixedThreadPool(8)) {
            List<Callable<Double>> tasks = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                tasks.add(() -> {
                    try (Session s = model.session()) {
                        return s.generate("Once upon a time, there was a", tokens(50), GenerationListener.NONE)
                                .sparsity()
                                .bytes();
                    }
                });
            }
            double sum = 0;
            for (Future<Double> f : pool.invokeAll(tasks)) {
                sum += f.get();
            }
            assertTrue(sum / 8 < 0.7, "bytes a token, of the weights': " + sum / 8);
            try (Session s = model.session()) {
                assertEquals(1, s.generate("Once", tokens(5), GenerationListener.NONE).sparsity().bytes());
            }
        }
    }
}
