package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** langchain4j's client for OpenAI against the server in its image. */
@Timeout(120)
class LangChain4jContainerIT {

    private static ServerContainer server;

    @BeforeAll
    static void connect() {
        Images.requireEngine();
        server = ServerContainer.shared();
    }

    private static OpenAiChatModel.OpenAiChatModelBuilder model() {
        return OpenAiChatModel.builder().baseUrl(server.url() + "/v1").apiKey("none").modelName("fable-7m").maxRetries(
                0);
    }

    @Test
    void aChatIsAnswered() {
        ChatResponse response = model().maxCompletionTokens(16).build().chat(UserMessage.from("Tell me a story."));
        assertFalse(response.aiMessage().text().isBlank());
        assertEquals(FinishReason.LENGTH, response.finishReason());
        assertEquals(16, response.tokenUsage().outputTokenCount());
    }

    @Test
    void aSeedAndAStopTextAreKept() {
        OpenAiChatModel seeded = model().seed(3).maxCompletionTokens(24).build();
        String text = seeded.chat("Tell me a story.");
        assertEquals(text, seeded.chat("Tell me a story."));
        String stop = text.substring(text.length() / 2, text.length() / 2 + 3);
        ChatResponse stopped = model().seed(3).maxCompletionTokens(24).stop(java.util.List.of(stop)).build()
                .chat(UserMessage.from("Tell me a story."));
        assertEquals(text.substring(0, text.indexOf(stop)), stopped.aiMessage().text());
        assertEquals(FinishReason.STOP, stopped.finishReason());
    }

    @Test
    void aStreamIsTheWholeTextInPieces() throws Exception {
        StringBuilder text = new StringBuilder();
        AtomicInteger pieces = new AtomicInteger();
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        OpenAiStreamingChatModel.builder().baseUrl(server.url() + "/v1").apiKey("none").modelName("fable-7m")
                .temperature(0.0)
                .maxCompletionTokens(24).build()
                .chat(ChatRequest.builder().messages(UserMessage.from("Tell me a story.")).build(),
                        new StreamingChatResponseHandler() {
                            @Override
                            public void onPartialResponse(String more) {
                                pieces.incrementAndGet();
                                text.append(more);
                            }

                            @Override
                            public void onCompleteResponse(ChatResponse response) {
                                whole.complete(response);
                            }

                            @Override
                            public void onError(Throwable thrown) {
                                whole.completeExceptionally(thrown);
                            }
                        });
        ChatResponse response = whole.get(60, TimeUnit.SECONDS);
        assertEquals(response.aiMessage().text(), text.toString());
        assertTrue(pieces.get() > 10, pieces + " pieces");
        assertEquals(text.toString(), model().temperature(0.0).maxCompletionTokens(24).build().chat(
                "Tell me a story."));
    }

    @Test
    void errorsAreItsOwnExceptions() throws Exception {
        assertThrows(InvalidRequestException.class, () -> model().temperature(-3.0).build().chat("Hello"));
        assertThrows(InvalidRequestException.class, () -> model().build().chat("very ".repeat(20_000)));
        try (ServerContainer locked = new ServerContainer("--api-key", "secret")) {
            locked.start();
            assertThrows(AuthenticationException.class,
                    () -> model().baseUrl(locked.url() + "/v1").apiKey("guessed").build().chat("Hello"));
        }
    }
}
