package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import java.util.List;

/** Counts and times of an answer: OpenAI's {@code usage}, and llama.cpp's {@code timings} with how sparsely it ran. */
final class Figures {

    private static final double MS = 1e6;

    private final long weightBytes;

    /**
     * @param weightBytes bytes that a dense token reads
     */
    Figures(long weightBytes) {
        this.weightBytes = weightBytes;
    }

    static ObjectNode usage(List<Text> texts, int n) {
        int prompt = 0;
        int cached = 0;
        int completion = 0;
        for (Text text : texts) {
            // n texts of a prompt have it once
            if (text.index() % n == 0) {
                prompt += text.prompt().tokens().length;
                cached += text.cached();
            }
            completion += text.result().tokens().length;
        }
        ObjectNode usage = Json.object();
        usage.put("prompt_tokens", prompt);
        usage.put("completion_tokens", completion);
        usage.put("total_tokens", prompt + completion);
        usage.putObject("prompt_tokens_details").put("cached_tokens", cached);
        return usage;
    }

    ObjectNode timings(Text text, Double level) {
        GenerationResult result = text.result();
        return timings(text.cached(), result.timings(), result.tokens().length, result.sparsity(), level);
    }

    ObjectNode timings(int cached, Timings t, int predicted, SparsityReport sparsity, Double level) {
        ObjectNode json = Json.object();
        json.put("cache_n", cached);
        json.put("prompt_n", t.promptTokens());
        json.put("prompt_ms", t.promptNanos() / MS);
        json.put("prompt_per_token_ms", perToken(t.promptNanos(), t.promptTokens()));
        json.put("prompt_per_second", t.promptPerSecond());
        json.put("predicted_n", predicted);
        json.put("predicted_ms", t.generatedNanos() / MS);
        json.put("predicted_per_token_ms", perToken(t.generatedNanos(), t.generatedTokens()));
        json.put("predicted_per_second", t.generatedPerSecond());
        json.put("sparsity", level == null ? 0 : level);
        json.put("active", sparsity.active());
        json.put("bytes", sparsity.bytes());
        json.put("bytes_per_token", Math.round(sparsity.bytes() * weightBytes));
        return json;
    }

    private static double perToken(long nanos, int tokens) {
        return tokens == 0 ? 0 : nanos / MS / tokens;
    }
}
