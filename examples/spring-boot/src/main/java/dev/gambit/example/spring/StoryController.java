package dev.gambit.example.spring;

import dev.gambit.langchain4j.GambitStreamingChatModel;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Streams a story, an event for each piece of text. */
@RestController
class StoryController {

    private static final long NO_TIMEOUT = 0;

    private final GambitStreamingChatModel model;

    StoryController(GambitStreamingChatModel model) {
        this.model = model;
    }

    @GetMapping(path = "/story", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    SseEmitter story(@RequestParam(name = "about", defaultValue = "a little fox") String about) {
        SseEmitter emitter = new SseEmitter(NO_TIMEOUT);
        model.chat(
                ChatRequest.builder()
                        .messages(UserMessage.from("Tell me a story about " + about + "."))
                        .build(),
                new ToEmitter(emitter));
        return emitter;
    }

    /** More of the story; as JSON, because an event's data cannot hold every text. */
    record Piece(String text) {}

    /** Hands the answer on; where the client has gone away, the model stops within a token. */
    private record ToEmitter(SseEmitter emitter) implements StreamingChatResponseHandler {

        @Override
        public void onPartialResponse(PartialResponse more, PartialResponseContext context) {
            try {
                emitter.send(SseEmitter.event().data(new Piece(more.text()), MediaType.APPLICATION_JSON));
            } catch (IOException e) {
                context.streamingHandle().cancel();
                emitter.completeWithError(e);
            } catch (IllegalStateException e) { // completed meanwhile
                context.streamingHandle().cancel();
            }
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            try {
                emitter.send(SseEmitter.event()
                        .name("end")
                        .data(String.valueOf(response.metadata().finishReason())));
                emitter.complete();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void onError(Throwable thrown) {
            emitter.completeWithError(thrown instanceof InvalidRequestException
                    ? new ResponseStatusException(HttpStatus.BAD_REQUEST, thrown.getMessage(), thrown)
                    : thrown);
        }
    }
}
