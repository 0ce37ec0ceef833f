package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Answers of {@code /v1/chat/completions}. */
final class ChatFormat implements ReplyFormat {

    private final Envelope envelope;
    private final GenerationRequest request;

    ChatFormat(Envelope envelope, GenerationRequest request) {
        this.envelope = envelope;
        this.request = request;
    }

    @Override
    public ObjectNode whole(List<Text> texts) {
        ObjectNode json = envelope.begin("chat.completion");
        ArrayNode choices = json.putArray("choices");
        for (Text text : texts) {
            ObjectNode choice = choices.addObject();
            choice.put("index", text.index());
            ObjectNode message = choice.putObject("message");
            message.put("role", "assistant");
            message.put("content", text.result().text());
            choice.putNull("logprobs");
            choice.put("finish_reason", text.finishReason());
        }
        json.set("usage", Figures.usage(texts, request.n()));
        json.set("timings", envelope.timings(texts.getLast()));
        return json;
    }

    private ObjectNode chunk() {
        ObjectNode json = envelope.begin("chat.completion.chunk");
        if (request.includeUsage()) {
            json.putNull("usage");
        }
        return json;
    }

    private ObjectNode delta(ObjectNode json, int index, String finishReason) {
        ObjectNode choice = json.putArray("choices").addObject();
        choice.put("index", index);
        ObjectNode delta = choice.putObject("delta");
        choice.putNull("logprobs");
        choice.put("finish_reason", finishReason);
        return delta;
    }

    @Override
    public ObjectNode first(int index) {
        ObjectNode json = chunk();
        ObjectNode delta = delta(json, index, null);
        delta.put("role", "assistant");
        delta.put("content", "");
        return json;
    }

    @Override
    public ObjectNode more(int index, String text, int token) {
        ObjectNode json = chunk();
        delta(json, index, null).put("content", text);
        return json;
    }

    @Override
    public ObjectNode last(Text text) {
        ObjectNode json = chunk();
        delta(json, text.index(), text.finishReason());
        json.set("timings", envelope.timings(text));
        return json;
    }

    @Override
    public ObjectNode usage(List<Text> texts) {
        ObjectNode json = envelope.begin("chat.completion.chunk");
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
