package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.TokenLogprobs;
import dev.gambit.engine.ToolCall;
import dev.gambit.engine.ToolCallParser;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Answers of {@code /v1/chat/completions}. */
final class ChatFormat implements ReplyFormat {

    private final Envelope envelope;
    private final GenerationRequest request;
    private final Tools tools;
    /** Finds the calls in each text; none where there are no tools. */
    private final Map<Integer, ToolCallParser> parsers = new HashMap<>();

    ChatFormat(Envelope envelope, GenerationRequest request, Tools tools) {
        this.envelope = envelope;
        this.request = request;
        this.tools = tools;
    }

    private ToolCallParser parser(int index) {
        return parsers.computeIfAbsent(index, i -> new ToolCallParser(tools.names()));
    }

    private static void calls(ArrayNode list, List<ToolCall> calls, boolean indexed) {
        for (int i = 0; i < calls.size(); i++) {
            ObjectNode call = list.addObject();
            if (indexed) {
                call.put("index", i);
            }
            call.put("id", "call_" + UUID.randomUUID().toString().replace("-", "").substring(0, 24));
            call.put("type", "function");
            call.putObject("function").put("name", calls.get(i).name()).put("arguments", calls.get(i).arguments());
        }
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
            List<ToolCall> called = List.of();
            String content = text.result().text();
            if (!tools.isEmpty()) {
                ToolCallParser parser = parser(text.index());
                content = parser.add(content) + parser.finish();
                called = parser.calls();
            }
            message.put("content", called.isEmpty() || !content.isBlank() ? content : null);
            if (!called.isEmpty()) {
                calls(message.putArray("tool_calls"), called, false);
            }
            logprobs(choice, text.logprobs());
            choice.put("finish_reason", called.isEmpty() ? text.finishReason() : "tool_calls");
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

    private static void logprobs(ObjectNode choice, List<TokenLogprobs> logprobs) {
        choice.set("logprobs", logprobs == null ? null : Logprobs.chat(logprobs));
    }

    private ObjectNode delta(ObjectNode json, int index, String finishReason, List<TokenLogprobs> logprobs) {
        ObjectNode choice = json.putArray("choices").addObject();
        choice.put("index", index);
        ObjectNode delta = choice.putObject("delta");
        logprobs(choice, logprobs);
        choice.put("finish_reason", finishReason);
        return delta;
    }

    @Override
    public ObjectNode first(int index) {
        ObjectNode json = chunk();
        ObjectNode delta = delta(json, index, null, null);
        delta.put("role", "assistant");
        delta.put("content", "");
        return json;
    }

    @Override
    public ObjectNode more(int index, String text, int token, List<TokenLogprobs> logprobs) {
        String shown = tools.isEmpty() ? text : parser(index).add(text);
        if (shown.isEmpty() && (logprobs == null || logprobs.isEmpty())) {
            return null;
        }
        ObjectNode json = chunk();
        delta(json, index, null, logprobs).put("content", shown);
        return json;
    }

    @Override
    public List<ObjectNode> last(Text text, List<TokenLogprobs> logprobs) {
        List<ObjectNode> events = new ArrayList<>();
        boolean called = false;
        if (!tools.isEmpty()) {
            ToolCallParser parser = parser(text.index());
            String rest = parser.finish();
            if (!rest.isEmpty()) {
                events.add(chunk());
                delta(events.getLast(), text.index(), null, null).put("content", rest);
            }
            called = !parser.calls().isEmpty();
            if (called) {
                events.add(chunk());
                calls(delta(events.getLast(), text.index(), null, null).putArray("tool_calls"), parser.calls(), true);
            }
        }
        ObjectNode json = chunk();
        delta(json, text.index(), called ? "tool_calls" : text.finishReason(),
                logprobs == null || logprobs.isEmpty() ? null : logprobs);
        json.set("timings", envelope.timings(text));
        events.add(json);
        return events;
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
