package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.SamplingOptions;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** The fields that say how to generate, the same on every path: OpenAI's names, and llama.cpp's for what is its own. */
final class OptionFields {

    /** Texts one request may ask for. */
    static final int MOST_TEXTS = 128;

    private static final int MOST_STOPS = 16;
    private static final long RANDOM_SEED = 0xFFFF_FFFFL;

    private final Fields fields;
    private final Defaults defaults;

    OptionFields(Fields fields, Defaults defaults) {
        this.fields = fields;
        this.defaults = defaults;
    }

    /** Reads the request; the prompts and what only one path has come from the caller. */
    GenerationRequest read(List<GenerationRequest.Prompt> prompts, String param, boolean echo) {
        fields.text("model", null); // a server has one model, whatever a client calls it
        int n = (int) fields.whole("n", 1, 1, MOST_TEXTS);
        if ((long) n * prompts.size() > MOST_TEXTS) {
            throw ApiException.invalid("n", "'n' times the number of prompts: expected at most " + MOST_TEXTS
                    + ", found "
                    + (long) n * prompts.size() + ".");
        }
        boolean stream = fields.flag("stream", false);
        GenerationRequest request = new GenerationRequest(
                prompts,
                param,
                n,
                stream,
                includeUsage(stream),
                maxTokens(),
                sampling(),
                stop(),
                fields.flag("ignore_eos", false),
                echo,
                fields.flag("cache_prompt", true),
                fields.flag("timings_per_token", false));
        sparsity();
        refuseTheRest();
        fields.end();
        return request;
    }

    private boolean includeUsage(boolean stream) {
        Fields options = fields.object("stream_options");
        if (options == null) {
            return false;
        }
        boolean include = options.ignore("include_obfuscation").flag("include_usage", false);
        options.end();
        if (!stream) {
            throw ApiException.invalid("stream_options",
                    "'stream_options': expected only together with 'stream': true.");
        }
        return include;
    }

    private int maxTokens() {
        int most = Integer.MAX_VALUE;
        for (String name : List.of("max_completion_tokens", "max_tokens", "n_predict")) {
            if (fields.has(name)) {
                fields.ignore("max_completion_tokens", "max_tokens", "n_predict");
                return (int) fields.whole(name, -1, -1, most);
            }
        }
        fields.ignore("max_completion_tokens", "max_tokens", "n_predict");
        return defaults.predict();
    }

    private List<String> stop() {
        List<String> stop = fields.texts("stop", MOST_STOPS);
        return stop.stream().filter(s -> !s.isEmpty()).toList();
    }

    private SamplingOptions sampling() {
        SamplingOptions d = defaults.sampling();
        return SamplingOptions.builder()
                .temperature((float) fields.number("temperature", d.temperature(), 0, 100))
                .topK((int) fields.whole("top_k", d.topK(), -1, Integer.MAX_VALUE))
                .topP((float) fields.number("top_p", d.topP(), 0, 1))
                .minP((float) fields.number("min_p", d.minP(), 0, 1))
                .repeatLastN((int) fields.whole("repeat_last_n", d.repeatLastN(), -1, Integer.MAX_VALUE))
                .repeatPenalty((float) fields.number("repeat_penalty", d.repeatPenalty(), 0.01, 100))
                .frequencyPenalty((float) fields.number("frequency_penalty", d.frequencyPenalty(), -100, 100))
                .presencePenalty((float) fields.number("presence_penalty", d.presencePenalty(), -100, 100))
                .seed(seed(fields.whole("seed", d.seed(), Long.MIN_VALUE, Long.MAX_VALUE)))
                .build();
    }

    /** -1, also as llama.cpp's 32-bit number, is another seed each time; other negative numbers are seeds, too. */
    private static long seed(long asked) {
        return asked == -1 || asked == RANDOM_SEED
                ? ThreadLocalRandom.current().nextLong(RANDOM_SEED)
                : asked & Long.MAX_VALUE;
    }

    /** The level is the model's until sessions have levels of their own. */
    private void sparsity() {
        JsonNode value = fields.get("sparsity");
        double own = defaults.level() == null ? 0 : defaults.level();
        if (value != null && value.isTextual() && value.textValue().equals("dense")) {
            value = null;
            if (own != 0) {
                throw otherLevel(own);
            }
        }
        if (value != null && fields.number("sparsity", own, 0, 0.95) != own) {
            throw otherLevel(own);
        }
        fields.refuse("budget", v -> false,
                "this server has no budgets; choose a level when it is started (--sparsity).");
    }

    private static ApiException otherLevel(double own) {
        return ApiException.unsupported("sparsity", "'sparsity': this server runs its model at " + own
                + " for all requests; leave the field out, or start the server with another --sparsity.");
    }

    /** What others have and this server has not is refused, unless it asks for nothing. */
    private void refuseTheRest() {
        // no difference to the text
        fields.ignore("user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
                "prompt_cache_retention", "prediction", "return_progress", "id_slot", "slot_id", "min_keep", "n_keep",
                "n_discard", "return_tokens");
        // parameters of samplers that are refused unless they are off
        fields.ignore("mirostat_tau", "mirostat_eta", "dynatemp_exponent", "xtc_threshold", "dry_base",
                "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers");
        for (String name : List.of("mirostat", "dry_multiplier", "xtc_probability", "dynatemp_range", "n_indent")) {
            fields.refuse(name, OptionFields::isZero, "leave it out, or set it to 0.");
        }
        for (String name : List.of("typical_p", "typ_p")) {
            fields.refuse(name, v -> v.isNumber() && v.doubleValue() == 1, "leave it out, or set it to 1.");
        }
        for (String name : List.of("top_n_sigma", "t_max_predict_ms")) {
            fields.refuse(name, v -> v.isNumber() && v.doubleValue() <= 0, "leave it out, or set it to -1.");
        }
        fields.refuse("best_of", v -> v.isIntegralNumber() && v.longValue() == 1, "leave it out, or set it to 1.");
        for (String name : List.of("samplers", "suffix", "reasoning_effort", "verbosity", "web_search_options",
                "functions", "function_call", "audio", "lora", "grammar", "json_schema", "logit_bias")) {
            fields.refuse(name, OptionFields::isEmpty, "leave it out.");
        }
        for (String name : List.of("logprobs", "top_logprobs", "n_probs", "post_sampling_probs")) {
            fields.refuse(name, v -> v.isBoolean() ? !v.booleanValue() : isZero(v), "leave it out.");
        }
        fields.refuse("modalities", v -> v.isArray() && v.size() == 1 && v.get(0).asText().equals("text"),
                "this server writes text only.");
        fields.refuse("response_format", v -> v.isObject() && v.path("type").asText().equals("text"),
                "expected {\"type\":\"text\"}.");
    }

    private static boolean isZero(JsonNode value) {
        return value.isNumber() && value.doubleValue() == 0;
    }

    private static boolean isEmpty(JsonNode value) {
        return value.isTextual() ? value.textValue().isEmpty() : value.isContainerNode() && value.isEmpty();
    }
}
