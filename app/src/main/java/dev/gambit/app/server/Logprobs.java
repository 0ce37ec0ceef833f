package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.TokenLogprob;
import dev.gambit.engine.TokenLogprobs;
import java.util.List;

/** How likely tokens were, in the shapes of the three paths. */
final class Logprobs {

    private Logprobs() {}

    /** As in a chat's choice: {@code {"content":[{token,logprob,bytes,top_logprobs}]}}. */
    static ObjectNode chat(List<TokenLogprobs> tokens) {
        ObjectNode json = Json.object();
        ArrayNode content = json.putArray("content");
        for (TokenLogprobs token : tokens) {
            ObjectNode entry = entry(content.addObject(), token.chosen());
            ArrayNode top = entry.putArray("top_logprobs");
            token.top().forEach(t -> entry(top.addObject(), t));
        }
        json.putNull("refusal");
        return json;
    }

    /** As in llama.cpp's {@code completion_probabilities}: the same with ids. */
    static ArrayNode probabilities(List<TokenLogprobs> tokens) {
        ArrayNode list = Json.object().putArray("list");
        for (TokenLogprobs token : tokens) {
            ObjectNode entry = list.addObject();
            entry.put("id", token.chosen().token());
            entry(entry, token.chosen());
            ArrayNode top = entry.putArray("top_logprobs");
            token.top().forEach(t -> entry(top.addObject().put("id", t.token()), t));
        }
        return list;
    }

    private static ObjectNode entry(ObjectNode json, TokenLogprob token) {
        json.put("token", token.text());
        json.put("logprob", token.logprob());
        ArrayNode bytes = json.putArray("bytes");
        for (byte b : token.bytes()) {
            bytes.add(b & 0xFF);
        }
        return json;
    }

    /**
     * As in a completion's choice: lists beside each other.
     *
     * @param offset where in the choice's text the first token begins
     */
    static ObjectNode completion(List<TokenLogprobs> tokens, int offset) {
        ObjectNode json = Json.object();
        ArrayNode texts = json.putArray("tokens");
        ArrayNode values = json.putArray("token_logprobs");
        ArrayNode tops = json.putArray("top_logprobs");
        ArrayNode offsets = json.putArray("text_offset");
        int at = offset;
        for (TokenLogprobs token : tokens) {
            texts.add(token.chosen().text());
            values.add(token.chosen().logprob());
            ObjectNode top = tops.addObject();
            token.top().forEach(t -> top.put(t.text(), t.logprob()));
            offsets.add(at);
            at += token.chosen().text().length();
        }
        return json;
    }
}
