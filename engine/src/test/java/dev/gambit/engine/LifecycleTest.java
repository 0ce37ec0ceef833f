package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.testing.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** Models and sessions from opening to closing, in every order. */
@Timeout(60)
class LifecycleTest {

    private static final String PROMPT = "Once upon a time, there was a little";

    private static LanguageModel open(int context) {
        return LanguageModel.open(
                Reference.fable(),
                ModelOptions.builder().threads(2).contextLength(context).build());
    }

    private static GenerationOptions tokens(int count) {
        return GenerationOptions.builder()
                .maxTokens(count)
                .ignoreEndOfGeneration(true)
                .sampling(SamplingOptions.greedy())
                .build();
    }

    private static void line(Executable use) {
        String message = assertThrows(GambitException.class, use).getMessage();
        assertTrue(message.lines().count() == 1 && message.contains(": expected "), message);
    }

    /** Runs a generation in another thread and does something to it when its third token comes. */
    private static Throwable interrupted(BiConsumer<LanguageModel, Session> what) throws Exception {
        try (LanguageModel model = open(512)) {
            Session session = model.session();
            CountDownLatch third = new CountDownLatch(3);
            CompletableFuture<GenerationResult> running = CompletableFuture.supplyAsync(
                    () -> session.generate(PROMPT, tokens(400), (token, text) -> third.countDown()));
            assertTrue(third.await(30, TimeUnit.SECONDS), "no three tokens");
            what.accept(model, session);
            try {
                running.get(30, TimeUnit.SECONDS);
                return null;
            } catch (java.util.concurrent.ExecutionException e) {
                return e.getCause() instanceof CompletionException c ? c.getCause() : e.getCause();
            }
        }
    }

    @Test
    void closingTheModelEndsARunningGeneration() throws Exception {
        for (int i = 0; i < 5; i++) {
            Throwable thrown = interrupted((model, session) -> model.close());
            assertNotNull(thrown, "the generation went on");
            line(() -> {
                throw thrown;
            });
        }
    }

    @Test
    void closingTheSessionEndsItsGeneration() throws Exception {
        for (int i = 0; i < 5; i++) {
            Throwable thrown = interrupted((model, session) -> session.close());
            assertNotNull(thrown, "the generation went on");
            line(() -> {
                throw thrown;
            });
        }
    }

    @Test
    void cancellingEndsAGenerationAndNothingElse() throws Exception {
        assertEquals(null, interrupted((model, session) -> session.cancel()));
        try (LanguageModel model = open(512);
                Session session = model.session()) {
            List<Integer> seen = new ArrayList<>();
            GenerationResult result = session.generate(PROMPT, tokens(50), (token, text) -> {
                seen.add(token);
                if (seen.size() == 5) {
                    session.cancel();
                }
            });
            assertEquals(Finish.CANCELLED, result.finish());
            assertEquals(5, result.tokens().length);
            session.truncate(0);
            float[] logits = session.evaluate(model.tokenizer().encode(PROMPT, true, true));
            float[] again;
            try (Session other = model.session()) {
                again = other.evaluate(model.tokenizer().encode(PROMPT, true, true));
            }
            assertArrayEquals(again, logits, "logits after a generation was cancelled");
            assertEquals(Finish.LENGTH, session.generate(" and", tokens(3), GenerationListener.NONE).finish());
        }
    }

    @Test
    void cancellingStopsALongPrompt() throws Exception {
        int[] prompt = new SplittableRandom(1).ints(6000, 0, 4096).toArray();
        try (LanguageModel model = open(8000);
                Session session = model.session()) {
            CompletableFuture<GenerationResult> running = CompletableFuture.supplyAsync(
                    () -> session.generate(prompt, tokens(1), GenerationListener.NONE));
            while (session.position() == 0) {
                Thread.sleep(1);
            }
            session.cancel();
            assertEquals(Finish.CANCELLED, running.get(30, TimeUnit.SECONDS).finish());
            assertTrue(session.position() < 6000, "all of the prompt was evaluated");
        }
    }

    @Test
    void useAfterCloseIsALine() {
        LanguageModel model = open(64);
        Session session = model.session();
        Session closed = model.session();
        closed.evaluate(new int[] {1});
        closed.close();
        closed.close();
        line(() -> closed.evaluate(new int[] {1}));
        line(() -> closed.generate(PROMPT, tokens(1), GenerationListener.NONE));
        session.evaluate(new int[] {1});
        model.close();
        model.close();
        line(model::session);
        line(() -> session.evaluate(new int[] {1}));
        line(() -> session.evaluate(new int[] {1, 2}));
        line(() -> session.evaluate(new int[] {1, 2}, 0, (first, rows, logits) -> {}));
        line(() -> session.observe(new int[] {1}, (layer, vector, values, rows, width, stride) -> {}));
        line(() -> session.generate(PROMPT, tokens(1), GenerationListener.NONE));
        session.close();
        session.cancel();
        assertEquals(4096, model.tokenizer().vocabularySize());
        assertEquals(1, session.position());
    }

    @Test
    void aFullContextEndsTheGeneration() {
        try (LanguageModel model = open(16);
                Session session = model.session()) {
            int prompt = model.tokenizer().encode(PROMPT, true, true).length;
            GenerationResult result = session.generate(PROMPT, tokens(-1), GenerationListener.NONE);
            assertEquals(Finish.CONTEXT_FULL, result.finish());
            assertEquals(16 - prompt + 1, result.tokens().length);
            assertEquals(16, session.position());
            line(() -> session.evaluate(new int[] {1}));
            session.truncate(15);
            session.evaluate(new int[] {1});
            assertEquals(16, session.contextLength());
        }
    }

    @Test
    void aPromptThatDoesNotFitIsALine() {
        try (LanguageModel model = open(8);
                Session session = model.session()) {
            line(() -> session.generate(PROMPT, tokens(1), GenerationListener.NONE));
            line(() -> session.evaluate(new int[9]));
            line(() -> session.evaluate(new int[0]));
            line(() -> session.evaluate(new int[] {4096}));
            line(() -> session.evaluate(new int[] {-1}));
            line(() -> session.generate("", tokens(1), GenerationListener.NONE));
            line(() -> session.truncate(1));
            assertEquals(0, session.position());
            session.evaluate(new int[8]);
        }
    }

    /** Text after a truncation is as if what was cut off had never been. */
    @Test
    void truncatingForgets() {
        try (LanguageModel model = open(64);
                Session a = model.session();
                Session b = model.session()) {
            // Batches of the same size, since sums may be taken in another order in others.
            a.evaluate(new int[] {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21});
            b.evaluate(new int[] {5, 6, 7, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 100, 101, 102, 103});
            a.truncate(3);
            b.truncate(3);
            assertArrayEquals(b.evaluate(new int[] {100}), a.evaluate(new int[] {100}));
            float[] after = a.evaluate(new int[] {101});
            a.truncate(0);
            float[] fresh = a.evaluate(new int[] {101});
            assertFalse(Arrays.equals(after, fresh), "what came before does not matter");
            assertEquals(1, a.position());
        }
    }
}
