package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.TokenLogprobs;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Answers of {@code /v1/completions}. */
final class CompletionFormat implements ReplyFormat {

    private final Envelope envelope;
    private final GenerationRequest request;
    /** Characters of each text that events have brought. */
    private final Map<Integer, Integer> sent = new HashMap<>();

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
            choice(choices, text.index(), echoed + text.result().text(), text.finishReason(),
                    text.logprobs(), echoed.length());
        }
        json.set("usage", Figures.usage(texts, request.n()));
        json.set("timings", envelope.timings(texts.getLast()));
        return json;
    }

    private static void choice(ArrayNode choices, int index, String text, String finishReason,
            List<TokenLogprobs> logprobs, int offset) {
        ObjectNode choice = choices.addObject();
        choice.put("text", text);
        choice.put("index", index);
        choice.set("logprobs", logprobs == null ? null : Logprobs.completion(logprobs, offset));
        choice.put("finish_reason", finishReason);
    }

    private ObjectNode chunk(int index, String text, String finishReason, List<TokenLogprobs> logprobs) {
        ObjectNode json = envelope.begin("text_completion");
        int offset = sent.getOrDefault(index, 0);
        choice(json.putArray("choices"), index, text, finishReason, logprobs, offset);
        sent.put(index, offset + text.length());
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
    public ObjectNode more(int index, String text, int token, List<TokenLogprobs> logprobs) {
        return chunk(index, text, null, logprobs);
    }

    @Override
    public List<ObjectNode> last(Text text, List<TokenLogprobs> logprobs) {
        ObjectNode json = chunk(text.index(), "", text.finishReason(),
                logprobs == null || logprobs.isEmpty() ? null : logprobs);
        json.set("timings", envelope.timings(text));
        return List.of(json);
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
