package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Answers of {@code /v1/completions}. */
final class CompletionFormat implements ReplyFormat {

    private final Envelope envelope;
    private final GenerationRequest request;

    CompletionFormat(Envelope envelope, GenerationRequest request) {
        this.envelope = envelope;
        this.request = request;
    }

    @Override
    public ObjectNode whole(List<Text> texts) {
        ObjectNode json = envelope.begin("text_completion");
        ArrayNode choices = json.putArray("choices");
        for (Text text : texts) {
            String echoed = request.echo() ? text.prompt().text() : "";
            choice(choices, text.index(), echoed + text.result().text(), text.finishReason());
        }
        json.set("usage", Figures.usage(texts, request.n()));
        json.set("timings", envelope.timings(texts.getLast()));
        return json;
    }

    private static void choice(ArrayNode choices, int index, String text, String finishReason) {
        ObjectNode choice = choices.addObject();
        choice.put("text", text);
        choice.put("index", index);
        choice.putNull("logprobs");
        choice.put("finish_reason", finishReason);
    }

    private ObjectNode chunk(int index, String text, String finishReason) {
        ObjectNode json = envelope.begin("text_completion");
        choice(json.putArray("choices"), index, text, finishReason);
        if (request.includeUsage()) {
            json.putNull("usage");
        }
        return json;
    }

    @Override
    public ObjectNode first(int index) {
        return null;
    }

    @Override
    public ObjectNode more(int index, String text, int token) {
        return chunk(index, text, null);
    }

    @Override
    public ObjectNode last(Text text) {
        ObjectNode json = chunk(text.index(), "", text.finishReason());
        json.set("timings", envelope.timings(text));
        return json;
    }

    @Override
    public ObjectNode usage(List<Text> texts) {
        ObjectNode json = envelope.begin("text_completion");
        json.putArray("choices");
        json.set("usage", Figures.usage(texts, request.n()));
        return json;
    }

    @Override
    public String end() {
        return "[DONE]";
    }

    @Override
    public Envelope envelope() {
        return envelope;
    }
}
