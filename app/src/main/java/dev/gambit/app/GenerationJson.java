package dev.gambit.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.Timings;
import java.io.PrintStream;
import java.util.Locale;

/** A generation as one JSON object; apart from the command, so that only who asks for JSON waits for its library. */
final class GenerationJson {

    private GenerationJson() {}

    /** Prints one line. The names under {@code timings} are those of llama.cpp's server. */
    static void print(String prompt, int[] promptTokens, GenerationResult result, GenerationReport report,
            PrintStream out) {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        json.put("model", report.model().name());
        json.put("model_type", report.model().type());
        json.put("backend", report.backend());
        json.put("seed", report.seed());
        json.put("prompt", prompt);
        json.put("text", result.text());
        ArrayNode tokens = json.putArray("tokens");
        for (int token : result.tokens()) {
            tokens.add(token);
        }
        json.put("finish", result.finish().name().toLowerCase(Locale.ROOT));
        json.set("timings", timings(mapper, result.timings(), report));
        json.set("sparsity", sparsity(mapper, result, report));
        try {
            out.println(mapper.writeValueAsString(json));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values", e);
        }
    }

    private static ObjectNode timings(ObjectMapper mapper, Timings t, GenerationReport report) {
        ObjectNode json = mapper.createObjectNode();
        json.put("load_ms", report.loadMillis());
        if (report.firstTokenMillis() >= 0) {
            json.put("first_token_ms", report.firstTokenMillis());
        }
        json.put("prompt_n", t.promptTokens());
        json.put("prompt_ms", t.promptNanos() / 1e6);
        json.put("prompt_per_second", t.promptPerSecond());
        json.put("predicted_n", t.generatedTokens());
        json.put("predicted_ms", t.generatedNanos() / 1e6);
        json.put("predicted_per_second", t.generatedPerSecond());
        return json;
    }

    private static ObjectNode sparsity(ObjectMapper mapper, GenerationResult result, GenerationReport report) {
        ObjectNode json = mapper.createObjectNode();
        json.put("level", report.level());
        ObjectNode skipped = json.putObject("skipped");
        result.sparsity().skipped().forEach((site, fraction) -> skipped.put(site.name(), fraction));
        json.put("active", result.sparsity().active());
        json.put("bytes", result.sparsity().bytes());
        return json;
    }
}
