package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.Reference;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same input gives the same bits, whatever the number of threads and whoever else uses the model. */
class DeterminismTest {

    private static LanguageModel open(int threads, boolean sparse) {
        return LanguageModel.open(
                Reference.fable(),
                ModelOptions.builder()
                        .backend(BackendChoice.CPU)
                        .threads(threads)
                        .contextLength(400)
                        .thresholds(sparse ? thresholds() : null)
                        .build());
    }

    /** A third to a half of each site's channels. */
    private static Thresholds thresholds() {
        Thresholds t = new Thresholds(8);
        for (int l = 0; l < 8; l++) {
            for (Site site : Site.values()) {
                boolean wide = site == Site.FFN_ACT || site == Site.DOWN_IN;
                float[] values = new float[wide ? 768 : 256];
                Arrays.fill(values, site == Site.O_IN ? .05f : wide ? .03f : .3f);
                t.set(l, site, values);
            }
        }
        return t;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anyNumberOfThreadsGivesTheSameBits(boolean sparse) {
        // A prompt that is cut differently for different teams, and more positions than a span of attention.
        int[] prompt = new SplittableRandom(1).ints(300, 0, 4096).toArray();
        int[] more = {7, 77, 777};
        float[][] atOnce = null;
        float[][] after = null;
        for (int threads : new int[] {1, 2, 3, 4}) {
            try (LanguageModel model = open(threads, sparse);
                    Session session = model.session()) {
                assertTrue(model.backendName().contains(threads == 1 ? "1 thread)" : threads + " threads)"));
                float[][] prefill = Logits.atOnce(session, prompt);
                float[][] decode = Logits.oneByOne(session, more);
                if (atOnce == null) {
                    atOnce = prefill;
                    after = decode;
                    double active = session.report().active();
                    assertTrue(sparse ? active > .3 && active < .8 : active == 1, "active " + active);
                }
                assertArrayEquals(atOnce, prefill, threads + " threads, prompt");
                assertArrayEquals(after, decode, threads + " threads, token by token");
            }
        }
    }

    @Test
    void sessionsDoNotDisturbEachOther() throws Exception {
        List<String> prompts = Reference.fableCases().valueStream()
                .map(c -> c.get("prompt").asText())
                .toList();
        try (LanguageModel model = open(2, true);
                ExecutorService threads = Executors.newFixedThreadPool(prompts.size())) {
            List<int[]> alone = prompts.stream().map(p -> generate(model, p)).toList();
            for (int round = 0; round < 3; round++) {
                List<Callable<int[]>> tasks = prompts.stream()
                        .map(p -> (Callable<int[]>) () -> generate(model, p))
                        .toList();
                List<Future<int[]>> together = threads.invokeAll(tasks);
                for (int i = 0; i < prompts.size(); i++) {
                    assertArrayEquals(alone.get(i), together.get(i).get(), "session " + i);
                }
            }
        }
    }

    private static int[] generate(LanguageModel model, String prompt) {
        GenerationOptions options = GenerationOptions.builder()
                .maxTokens(20)
                .ignoreEndOfGeneration(true)
                .sampling(SamplingOptions.greedy())
                .build();
        try (Session session = model.session()) {
            GenerationResult result = session.generate(prompt, options, GenerationListener.NONE);
            assertEquals(20, result.tokens().length);
            return result.tokens();
        }
    }
}
