package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.TokenLogprobs;
import java.util.List;

/** Answers of llama.cpp's own {@code /completion}. */
final class NativeFormat implements ReplyFormat {

    private final Envelope envelope;
    private final GenerationRequest request;

    NativeFormat(Envelope envelope, GenerationRequest request) {
        this.envelope = envelope;
        this.request = request;
    }

    @Override
    public ObjectNode whole(List<Text> texts) {
        return last(texts.getFirst(), texts.getFirst().result().text(), texts.getFirst().logprobs());
    }

    private ObjectNode last(Text text, String content, List<TokenLogprobs> logprobs) {
        ObjectNode json = Json.object();
        json.put("index", text.index());
        json.put("content", content);
        ArrayNode tokens = json.putArray("tokens");
        if (!request.stream()) {
            for (int token : text.result().tokens()) {
                tokens.add(token);
            }
        }
        probabilities(json, logprobs);
        json.put("id_slot", text.slot());
        json.put("stop", true);
        json.put("model", envelope.model());
        json.put("tokens_predicted", text.result().tokens().length);
        json.put("tokens_evaluated", text.prompt().tokens().length);
        json.set("generation_settings", settings(request.sampling(), request));
        json.put("prompt", text.prompt().text());
        json.put("truncated", text.result().finish() == Finish.CONTEXT_FULL);
        json.put("stop_type", text.stopType());
        json.put("tokens_cached", text.cached());
        json.set("timings", envelope.timings(text));
        return json;
    }

    private static void probabilities(ObjectNode json, List<TokenLogprobs> logprobs) {
        if (logprobs != null && !logprobs.isEmpty()) {
            json.set("completion_probabilities", Logprobs.probabilities(logprobs));
        }
    }

    /** Returns sampling options by llama.cpp's names. */
    static ObjectNode settings(SamplingOptions s, GenerationRequest request) {
        ObjectNode json = Json.object();
        json.put("seed", s.seed());
        json.put("temperature", s.temperature());
        json.put("top_k", s.topK());
        json.put("top_p", s.topP());
        json.put("min_p", s.minP());
        json.put("repeat_last_n", s.repeatLastN());
        json.put("repeat_penalty", s.repeatPenalty());
        json.put("presence_penalty", s.presencePenalty());
        json.put("frequency_penalty", s.frequencyPenalty());
        if (request != null) {
            json.put("n_predict", request.maxTokens());
            json.put("ignore_eos", request.ignoreEos());
            json.put("stream", request.stream());
            ArrayNode stop = json.putArray("stop");
            request.stop().forEach(stop::add);
        }
        return json;
    }

    @Override
    public ObjectNode first(int index) {
        return null;
    }

    @Override
    public ObjectNode more(int index, String text, int token, List<TokenLogprobs> logprobs) {
        ObjectNode json = Json.object();
        json.put("index", index);
        json.put("content", text);
        json.putArray("tokens").add(token);
        json.put("stop", false);
        probabilities(json, logprobs);
        return json;
    }

    @Override
    public List<ObjectNode> last(Text text, List<TokenLogprobs> logprobs) {
        return List.of(last(text, "", logprobs));
    }

    @Override
    public ObjectNode usage(List<Text> texts) {
        return null;
    }

    @Override
    public String end() {
        return null;
    }

    @Override
    public Envelope envelope() {
        return envelope;
    }
}
