package dev.gambit.langchain4j;

import dev.gambit.langchain4j.spi.GambitStreamingChatModelBuilderFactory;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.Flow.Publisher;

/**
 * A model that runs in this process, as langchain4j's {@link StreamingChatModel}: answers come text by text, on threads of
 * the model. Safe for use by any number of threads; requests beyond {@link GambitModelBuilder#parallelSessions} wait their
 * turn. Close it when done, from another thread than those: weights lie off the heap.
 *
 * <p>A handler or subscriber that takes its time holds up its own answer only, unless all sessions are taken.
 */
public final class GambitStreamingChatModel implements StreamingChatModel, AutoCloseable {

    private final ChatEngine engine;

    private GambitStreamingChatModel(ChatEngine engine) {
        this.engine = engine;
    }

    /** Returns a builder with nothing set. */
    public static Builder builder() {
        for (GambitStreamingChatModelBuilderFactory factory : ServiceLoader
                .load(GambitStreamingChatModelBuilderFactory.class)) {
            return factory.get();
        }
        return new Builder();
    }

    /**
     * Answers a handler. It can end the generation through the {@code StreamingHandle} in its calls' contexts; what it throws
     * comes back to its {@code onError}, and the answer goes on. Numbers out of range and conversations that are too long
     * are told to {@code onError}, as an {@code InvalidRequestException}.
     *
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for other contents than text, and for tools where the
     *     model's chat template does not tell it of any
     * @throws dev.gambit.engine.GambitException where the model is closed
     */
    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        HandlerObserver observer = new HandlerObserver(handler);
        ChatTask task = engine.task(request, observer);
        observer.watch(task);
        engine.start(task);
    }

    /**
     * Returns a publisher that answers each of its subscribers anew. Events that a subscriber has not requested yet are kept,
     * which are no more than the context has tokens; errors in the request come to {@code onError}.
     */
    @Override
    public Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
        return subscriber -> EventSubscription.start(engine, request, subscriber);
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

    /**
     * Makes a {@link GambitStreamingChatModel}. Open for extension by frameworks, see
     * {@link GambitStreamingChatModelBuilderFactory}.
     */
    public static class Builder extends GambitModelBuilder<Builder> {

        /** A builder with nothing set. */
        public Builder() {}

        /**
         * Opens the model.
         *
         * @throws dev.gambit.engine.GambitException where the file or an option cannot be used
         * @throws dev.langchain4j.exception.UnsupportedFeatureException for default parameters that no request may have
         */
        public GambitStreamingChatModel build() {
            return new GambitStreamingChatModel(engine());
        }
    }
}
