package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.testing.Logits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sessions on a GPU that differ in sparsity, take turns and adopt prefixes; skipped, with the reason, where there is none. */
class CudaSessionTest {

    private static final int[] PROMPT = new SplittableRandom(5).ints(60, 0, 4096).toArray();

    private static String missing;

    @BeforeEach
    void needsAGpu() {
        if (missing == null) {
            try {
                open(null, 0.5).close();
                missing = "";
            } catch (GambitException e) {
                missing = e.getMessage();
            }
        }
        assumeTrue(missing.isEmpty(), missing);
    }

    private static LanguageModel open(String policy, double level) {
        return EmbeddedModel.open(ModelOptions.builder()
                .backend(BackendChoice.CUDA).contextLength(1500).cacheType(KvCacheType.F32, KvCacheType.F32)
                .sparsity(new Sparsity(null, policy, level)).build());
    }

    private static float[] decoded(Session session) {
        session.truncate(0);
        session.evaluate(PROMPT);
        session.evaluate(new int[] {1});
        return session.evaluate(new int[] {2});
    }

    @Test
    void aLevelIsThatOfAModelOpenedAtIt() {
        try (LanguageModel model = open(null, 0.5); Session session = model.session()) {
            for (double level : new double[] {0.3, 0.6, 0.3, 0, model.sidecar().maxLevel()}) {
                session.sparsity(level);
                float[] found = decoded(session);
                try (LanguageModel other = open(null, level); Session expected = other.session()) {
                    assertArrayEquals(decoded(expected), found, "level " + level);
                    assertEquals(expected.report().active(), session.report().active(), 0.5);
                }
            }
            session.sparsity(null);
            float[] dense = decoded(session);
            session.sparsity(0.5);
            float[] half = decoded(session);
            assertTrue(Logits.difference(new float[][] {dense}, new float[][] {half}) > 0.01);
        }
    }

    /** Policies of fewer sites than the weights were laid out for run, others are refused. */
    @Test
    void policiesOfTheLayoutsSites() {
        try (LanguageModel model = open("chess-attn-rms", 0.5); Session session = model.session()) {
            session.sparsity(new Sparsity(null, "chess-rms", 0.5));
            float[] found = decoded(session);
            assertEquals(java.util.Set.of(Site.FFN_ACT), session.report().skipped().keySet());
            try (LanguageModel cpu = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU)
                    .contextLength(1500).cacheType(KvCacheType.F32, KvCacheType.F32)
                    .sparsity(new Sparsity(null, "chess-rms", 0.5)).build());
                    Session expected = cpu.session()) {
                assertEquals(0, Logits.difference(new float[][] {decoded(expected)}, new float[][] {found}), 0.05);
            }
            if (model.sidecar().policies().contains("teal")) {
                Sparsity teal = new Sparsity(null, "teal", 0.5);
                String message = assertThrows(GambitException.class, () -> session.sparsity(teal)).getMessage();
                assertTrue(message.contains("laid out") && message.contains("K_IN"), message);
            }
        }
    }

    /** Greedy generations of sessions at different levels, whose steps are begun ahead, taking turns. */
    @Test
    void sessionsTakeTurns() throws Exception {
        try (LanguageModel model = open(null, 0.5); ExecutorService pool = Executors.newFixedThreadPool(6)) {
            List<int[]> alone = new ArrayList<>();
            List<Callable<int[]>> tasks = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                int session = i;
                Callable<int[]> task = () -> {
                    try (Session s = model.session()) {
                        s.sparsity(session % 3 == 0 ? null : new Sparsity(null, null, 0.1 * session));
                        int[] prompt = Arrays.copyOf(PROMPT, 10 + 8 * session);
                        return s.generate(prompt, GenerationOptions.builder().maxTokens(80).ignoreEndOfGeneration(true)
                                .sampling(SamplingOptions.greedy()).build(), GenerationListener.NONE).tokens();
                    }
                };
                alone.add(task.call());
                tasks.add(task);
            }
            List<Future<int[]>> together = pool.invokeAll(tasks);
            for (int i = 0; i < 6; i++) {
                assertArrayEquals(alone.get(i), together.get(i).get(), "session " + i);
            }
        }
    }

    @Test
    void adoptsAPrefix() {
        int[] prompt = new SplittableRandom(5).ints(1200, 0, 4096).toArray();
        try (LanguageModel model = open(null, 0.5);
                Session donor = model.session();
                Session fresh = model.session();
                Session session = model.session()) {
            donor.evaluate(Arrays.copyOf(prompt, 700));
            for (int length : new int[] {8, 512, 699}) {
                for (int rest : new int[] {1, 20}) {
                    fresh.truncate(0);
                    float[] expected = fresh.evaluate(Arrays.copyOf(prompt, length + rest));
                    session.adopt(donor, length);
                    float[] found = session.evaluate(Arrays.copyOfRange(prompt, length, length + rest));
                    double off = Logits.difference(new float[][] {expected}, new float[][] {found});
                    assertEquals(0, off, 1e-3, "behind " + length + " + " + rest);
                }
            }
        }
    }
}
