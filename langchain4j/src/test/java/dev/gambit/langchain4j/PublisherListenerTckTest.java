package dev.gambit.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelPublisherListenerTest;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import java.util.List;
import java.util.concurrent.Flow.Publisher;
import java.util.concurrent.Flow.Subscriber;
import java.util.concurrent.Flow.Subscription;
import org.junit.jupiter.api.AfterEach;

/**
 * langchain4j's own tests of what a publisher tells listeners. The model that comes with Gambit is slowed down, where the
 * tests want it, by a subscriber in between that takes its time, on the thread of the model.
 */
class PublisherListenerTckTest extends AbstractStreamingChatModelPublisherListenerTest {

    private GambitStreamingChatModel model;

    @AfterEach
    void close() {
        model.close();
    }

    @Override
    protected StreamingChatModel createModel(ChatModelListener listener, StreamScenario scenario) {
        model = GambitStreamingChatModel.builder()
                .contextLength(scenario.fail() ? 4 : 512) // too short for any conversation
                .maxOutputTokens(scenario.fail() ? 1 : scenario.contentChunks())
                .temperature(0.0)
                .listeners(listener)
                .build();
        return scenario.spreadOverMillis() == 0
                ? model
                : new Slow(model, scenario.spreadOverMillis() / scenario.contentChunks());
    }

    /** A model that takes its time between two events. */
    private record Slow(StreamingChatModel model, long millis) implements StreamingChatModel {

        @Override
        public Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
            return subscriber -> model.doChat(request).subscribe(new Subscriber<>() {
                @Override
                public void onSubscribe(Subscription subscription) {
                    subscriber.onSubscribe(subscription);
                }

                @Override
                public void onNext(ChatModelStreamingEvent event) {
                    try {
                        Thread.sleep(millis);
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    subscriber.onNext(event);
                }

                @Override
                public void onError(Throwable thrown) {
                    subscriber.onError(thrown);
                }

                @Override
                public void onComplete() {
                    subscriber.onComplete();
                }
            });
        }

        @Override
        public ChatRequestParameters defaultRequestParameters() {
            return model.defaultRequestParameters();
        }

        @Override
        public List<ChatModelListener> listeners() {
            return model.listeners();
        }

        @Override
        public ModelProvider provider() {
            return model.provider();
        }
    }
}
