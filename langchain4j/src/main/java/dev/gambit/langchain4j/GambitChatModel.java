package dev.gambit.langchain4j;

import dev.gambit.langchain4j.spi.GambitChatModelBuilderFactory;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A model that runs in this process, as langchain4j's {@link ChatModel}. Safe for use by any number of threads; requests
 * beyond {@link GambitModelBuilder#parallelSessions} wait their turn. Close it when done: weights lie off the heap.
 *
 * <pre>{@code
 * try (GambitChatModel model = GambitChatModel.builder().modelPath(Path.of("model.gguf")).build()) {
 *     System.out.println(model.chat("Tell me a story"));
 * }
 * }</pre>
 */
public final class GambitChatModel implements ChatModel, AutoCloseable {

    private final ChatEngine engine;

    private GambitChatModel(ChatEngine engine) {
        this.engine = engine;
    }

    /** Returns a builder with nothing set. */
    public static Builder builder() {
        for (GambitChatModelBuilderFactory factory : ServiceLoader.load(GambitChatModelBuilderFactory.class)) {
            return factory.get();
        }
        return new Builder();
    }

    /**
     * Answers, on a thread of this model while the caller waits.
     *
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for other contents than text, and for tools where the
     *     model's chat template does not tell it of any
     * @throws dev.langchain4j.exception.InvalidRequestException for numbers out of range and conversations too long
     * @throws dev.gambit.engine.GambitException where the model is closed
     */
    @Override
    public ChatResponse doChat(ChatRequest request) {
        Reply answer = new Reply(engine, request);
        try {
            return answer.get();
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw new LangChain4jException("interrupted while the model was answering", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException r -> throw r;
                case Error r -> throw r;
                default -> throw new LangChain4jException(e.getCause());
            }
        }
    }

    /** Answers without making the caller wait; cancelling the future ends the generation. */
    @Override
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
        return new Reply(engine, request);
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return engine.defaults();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return engine.listeners();
    }

    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }

    /**
     * Ends requests that are running, which fail, and frees threads, sessions and the model, unless it was given open.
     * Closing twice is harmless.
     */
    @Override
    public void close() {
        engine.close();
    }

    /** An answer to come. */
    private static final class Reply extends CompletableFuture<ChatResponse> implements ChatTask.Observer {

        private final ChatTask task;

        Reply(ChatEngine engine, ChatRequest request) {
            task = engine.task(request, this);
            engine.start(task);
        }

        @Override
        public void completed(ChatResponse response) {
            complete(response);
        }

        @Override
        public void failed(Throwable thrown) {
            completeExceptionally(thrown);
        }

        @Override
        public boolean cancel(boolean mayInterrupt) {
            task.cancel();
            return super.cancel(mayInterrupt);
        }
    }

    /** Makes a {@link GambitChatModel}. Open for extension by frameworks, see {@link GambitChatModelBuilderFactory}. */
    public static class Builder extends GambitModelBuilder<Builder> {

        /** A builder with nothing set. */
        public Builder() {}

        /**
         * Opens the model.
         *
         * @throws dev.gambit.engine.GambitException where the file or an option cannot be used
         * @throws dev.langchain4j.exception.UnsupportedFeatureException for default parameters that no request may have
         */
        public GambitChatModel build() {
            return new GambitChatModel(engine());
        }
    }
}
