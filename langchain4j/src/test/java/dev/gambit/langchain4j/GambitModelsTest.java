package dev.gambit.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.Sparsity;
import dev.gambit.langchain4j.spi.GambitChatModelBuilderFactory;
import dev.gambit.langchain4j.spi.GambitStreamingChatModelBuilderFactory;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow.Subscriber;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What langchain4j's own tests do not look at: builders, seeds, many callers, ends. On the model that comes with Gambit. */
@Timeout(60)
class GambitModelsTest {

    private static ChatRequest story(int tokens, long seed) {
        return ChatRequest.builder()
                .messages(UserMessage.from("Tell me a story."))
                .parameters(GambitChatRequestParameters.builder().maxOutputTokens(tokens).seed(seed).build())
                .build();
    }

    private static String text(ChatResponse response) {
        return response.aiMessage().text();
    }

    /** Threads of chat models; other tests' models, still open, may have some. */
    private static Set<Thread> chatThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().startsWith("gambit-chat"))
                .collect(Collectors.toCollection(HashSet::new));
    }

    @Test
    void aSeedGivesTheSameTextAloneAndBesideOthers() throws Exception {
        try (GambitChatModel model = GambitChatModel.builder().parallelSessions(3).build();
                var callers = Executors.newVirtualThreadPerTaskExecutor()) {
            String alone = text(model.chat(story(20, 7)));
            assertEquals(alone, text(model.chat(story(20, 7))));
            assertNotEquals(alone, text(model.chat(story(20, 8))));
            List<Future<String>> others = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                int seed = i % 2 == 0 ? 7 : 100 + i;
                others.add(callers.submit(() -> text(model.chat(story(20, seed)))));
            }
            for (int i = 0; i < 6; i += 2) {
                assertEquals(alone, others.get(i).get());
            }
        }
    }

    /** The prompt is the whole conversation, as the model's own template renders it. */
    @Test
    void allTurnsReachTheModel() {
        try (LanguageModel open = EmbeddedModel.open(ModelOptions.defaults());
                GambitChatModel model = GambitChatModel.builder()
                        .languageModel(open).sampling(SamplingOptions.greedy()).maxOutputTokens(12).build();
                Session session = open.session()) {
            String prompt = open.chatTemplate().render(
                    List.of(
                            new dev.gambit.engine.ChatMessage("system", "You are Tom."),
                            new dev.gambit.engine.ChatMessage("user", "Who are you?"),
                            new dev.gambit.engine.ChatMessage("assistant", "I am Tom."),
                            new dev.gambit.engine.ChatMessage("user", "Tell me a story.")),
                    true);
            boolean begun = open.tokenizer().bos() >= 0 && prompt.startsWith(open.tokenizer().token(open.tokenizer()
                    .bos()));
            int[] tokens = open.tokenizer().encode(prompt, !begun, true);
            GenerationResult expected = session.generate(
                    tokens,
                    GenerationOptions.builder().maxTokens(12).sampling(SamplingOptions.greedy()).build(),
                    GenerationListener.NONE);
            ChatResponse response = model.chat(
                    SystemMessage.from("You are Tom."),
                    UserMessage.from("Who are you?"),
                    AiMessage.from("I am Tom."),
                    UserMessage.from("Tell me a story."));
            assertEquals(tokens.length, response.metadata().tokenUsage().inputTokenCount());
            assertEquals(expected.text(), text(response));
        }
    }

    @Test
    void theMetadataSaysHowSparselyItRan() {
        try (GambitChatModel model =
                GambitChatModel.builder().sparsity(new Sparsity(null, null, 0.5)).maxOutputTokens(8).build()) {
            ChatResponse response = model.chat(story(8, 1));
            GambitChatResponseMetadata m = assertInstanceOf(GambitChatResponseMetadata.class, response.metadata());
            assertTrue(m.sparsity().active() < 1, m.toString());
            assertTrue(m.timings().promptTokens() == m.tokenUsage().inputTokenCount(), m.toString());
        }
    }

    @Test
    void whatABuilderCannotTakeIsALine() {
        try (LanguageModel open = EmbeddedModel.open(ModelOptions.defaults())) {
            assertThrows(GambitException.class,
                    () -> GambitChatModel.builder().languageModel(open).contextLength(8).build());
        }
        assertThrows(GambitException.class, () -> GambitChatModel.builder().parallelSessions(0).build());
        assertThrows(GambitException.class, () -> GambitChatModel.builder().modelPath(Path.of("none.gguf")).build());
        assertThrows(InvalidRequestException.class, () -> GambitChatModel.builder().topP(2.0).build());
        assertThrows(UnsupportedFeatureException.class, () -> GambitChatModel.builder().defaultRequestParameters(
                GambitChatRequestParameters.builder().modelName("another").build()).build());
    }

    @Test
    void aModelThatWasGivenStaysOpen() {
        try (LanguageModel open = EmbeddedModel.open(ModelOptions.defaults())) {
            GambitChatModel first = GambitChatModel.builder().languageModel(open).sampling(SamplingOptions.greedy())
                    .build();
            String text = text(first.chat(story(8, 1)));
            first.close();
            first.close();
            assertThrows(GambitException.class, () -> first.chat("Hello"));
            try (GambitChatModel second =
                    GambitChatModel.builder().languageModel(open).sampling(SamplingOptions.greedy()).build()) {
                assertEquals(text, text(second.chat(story(8, 2))));
            }
        }
    }

    @Test
    void cancellingAFutureEndsItsGeneration() throws Exception {
        try (GambitChatModel model = GambitChatModel.builder().build()) {
            CompletableFuture<ChatResponse> long_ = model.chatAsync(story(-1, 1));
            Thread.sleep(100);
            long_.cancel(true);
            // one session: the next answer comes only once the first has ended
            assertFalse(text(model.chat(story(4, 1))).isEmpty());
        }
    }

    @Test
    void anInterruptEndsTheWaiting() throws Exception {
        try (GambitChatModel model = GambitChatModel.builder().build()) {
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread.ofPlatform().start(() -> {
                Thread.currentThread().interrupt(); // before, as a text may end sooner than another thread would come to it
                try {
                    model.chat(story(-1, 1));
                    thrown.complete(null);
                } catch (LangChain4jException e) {
                    thrown.complete(Thread.currentThread().isInterrupted() ? e : null);
                }
            });
            assertInstanceOf(LangChain4jException.class, thrown.get());
        }
    }

    @Test
    void closingEndsWhatRunsAndWaitsAndLeavesNoThread() throws Exception {
        Set<Thread> others = chatThreads();
        GambitStreamingChatModel model = GambitStreamingChatModel.builder().build();
        List<CompletableFuture<Void>> ends = new ArrayList<>();
        CountDownLatch begun = new CountDownLatch(1);
        for (int i = 0; i < 3; i++) {
            CompletableFuture<Void> end = new CompletableFuture<>();
            ends.add(end);
            model.chat(story(-1, i), new StreamingChatResponseHandler() {
                @Override
                public void onPartialResponse(String more) {
                    begun.countDown();
                }

                @Override
                public void onCompleteResponse(ChatResponse response) {
                    end.complete(null);
                }

                @Override
                public void onError(Throwable thrown) {
                    end.completeExceptionally(thrown);
                }
            });
        }
        assertTrue(begun.await(30, TimeUnit.SECONDS));
        model.close();
        Set<Thread> left = chatThreads();
        left.removeAll(others);
        assertEquals(Set.of(), left, "threads are left");
        for (CompletableFuture<Void> end : ends) {
            assertTrue(end.isDone(), "close() returned before the handlers had heard");
        }
        ExecutionException last = assertThrows(ExecutionException.class, () -> ends.getLast().get());
        assertInstanceOf(GambitException.class, last.getCause());
        assertThrows(GambitException.class, () -> model.chat(story(1, 1), new Ignoring()));
    }

    @Test
    @SuppressWarnings("try") // the close() that is to fail
    void aHandlerCannotCloseTheModelItIsCalledBy() throws Exception {
        try (GambitStreamingChatModel model = GambitStreamingChatModel.builder().build()) {
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            model.chat(story(4, 1), new Ignoring() {
                @Override
                public void onPartialResponse(PartialResponse more, PartialResponseContext context) {
                    context.streamingHandle().cancel();
                    try {
                        model.close();
                    } catch (IllegalStateException e) {
                        thrown.complete(e);
                    }
                }
            });
            assertInstanceOf(IllegalStateException.class, thrown.get());
        }
    }

    @Test
    void aSubscriberGetsNoMoreThanItAsksFor() throws Exception {
        try (GambitStreamingChatModel model = GambitStreamingChatModel.builder().temperature(0.0).build()) {
            List<ChatModelStreamingEvent> events = new ArrayList<>();
            AtomicBoolean tooMany = new AtomicBoolean();
            CompletableFuture<Void> done = new CompletableFuture<>();
            model.chat(story(12, 1)).subscribe(new Subscriber<>() {
                private Subscription subscription;
                private int asked;

                @Override
                public void onSubscribe(Subscription s) {
                    subscription = s;
                    ask();
                }

                private void ask() {
                    asked++;
                    subscription.request(1);
                }

                @Override
                public void onNext(ChatModelStreamingEvent event) {
                    events.add(event);
                    tooMany.compareAndSet(false, events.size() > asked);
                    ask();
                }

                @Override
                public void onError(Throwable thrown) {
                    done.completeExceptionally(thrown);
                }

                @Override
                public void onComplete() {
                    done.complete(null);
                }
            });
            done.get();
            assertFalse(tooMany.get());
            CompleteResponse last = assertInstanceOf(CompleteResponse.class, events.getLast());
            StringBuilder text = new StringBuilder();
            for (ChatModelStreamingEvent event : events.subList(0, events.size() - 1)) {
                text.append(assertInstanceOf(PartialResponse.class, event).text());
            }
            assertEquals(text(last.chatResponse()), text.toString());
        }
    }

    /** As frameworks do it: a factory named in META-INF/services of what the thread sees. */
    @Test
    void buildersComeFromFactoriesWhereThereAreSome(@TempDir Path folder) throws Exception {
        assertEquals(GambitChatModel.Builder.class, GambitChatModel.builder().getClass());
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.writeString(services.resolve(GambitChatModelBuilderFactory.class.getName()), Factory.class.getName());
        Files.writeString(services.resolve(GambitStreamingChatModelBuilderFactory.class.getName()),
                StreamingFactory.class.getName());
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader with = new URLClassLoader(new URL[] {folder.toUri().toURL()}, before)) {
            Thread.currentThread().setContextClassLoader(with);
            assertNotEquals(GambitChatModel.Builder.class, GambitChatModel.builder().getClass());
            assertNotEquals(GambitStreamingChatModel.Builder.class, GambitStreamingChatModel.builder().getClass());
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    /** A framework's. */
    public static final class Factory implements GambitChatModelBuilderFactory {
        @Override
        public GambitChatModel.Builder get() {
            return new GambitChatModel.Builder() {};
        }
    }

    /** A framework's. */
    public static final class StreamingFactory implements GambitStreamingChatModelBuilderFactory {
        @Override
        public GambitStreamingChatModel.Builder get() {
            return new GambitStreamingChatModel.Builder() {};
        }
    }

    /** Hears nothing. */
    private static class Ignoring implements StreamingChatResponseHandler {
        @Override
        public void onCompleteResponse(ChatResponse response) {}

        @Override
        public void onError(Throwable thrown) {}
    }
}
