package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.calibration.BudgetSearch;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.TextConstraint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** The fields that say how to generate, the same on every path: OpenAI's names, and llama.cpp's for what is its own. */
final class OptionFields {

    /** Texts one request may ask for. */
    static final int MOST_TEXTS = 128;

    private static final int MOST_STOPS = 16;
    private static final long RANDOM_SEED = 0xFFFF_FFFFL;
    /** The thresholds' levels are 32-bit numbers. */
    private static final double ROUNDING = 1e-6;

    /** Where the fields stand: some have another meaning on each path. */
    enum Path {
        TEXT, CHAT, NATIVE
    }

    private final Fields fields;
    private final Path path;
    private final LanguageModel model;
    private final Defaults defaults;

    OptionFields(Fields fields, Path path, LanguageModel model, Defaults defaults) {
        this.fields = fields;
        this.path = path;
        this.model = model;
        this.defaults = defaults;
    }

    /**
     * Reads the request; the prompts and what only one path has come from the caller.
     *
     * @param forced what the text has to be, whatever these fields say; null for nothing
     */
    GenerationRequest read(List<GenerationRequest.Prompt> prompts, String param, boolean echo, TextConstraint forced) {
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
                topLogprobs(),
                sparsity(),
                constraint(forced),
                fields.flag("timings_per_token", false));
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
                .logitBias(logitBias())
                .seed(seed(fields.whole("seed", d.seed(), Long.MIN_VALUE, Long.MAX_VALUE)))
                .build();
    }

    /** -1, also as llama.cpp's 32-bit number, is another seed each time; other negative numbers are seeds, too. */
    private static long seed(long asked) {
        return asked == -1 || asked == RANDOM_SEED
                ? ThreadLocalRandom.current().nextLong(RANDOM_SEED)
                : asked & Long.MAX_VALUE;
    }

    /** How many of the likeliest tokens to tell: three paths, three ways to say so. */
    private int topLogprobs() {
        int most = GenerationOptions.MAX_LOGPROBS;
        if (path == Path.NATIVE) {
            int n = (int) fields.whole("n_probs", 0, 0, most);
            return n == 0 ? -1 : n;
        }
        if (path == Path.TEXT) {
            return (int) fields.whole("logprobs", -1, 0, most);
        }
        boolean wanted = fields.flag("logprobs", false);
        int n = (int) fields.whole("top_logprobs", 0, 0, most);
        if (n > 0 && !wanted) {
            throw ApiException.invalid("top_logprobs", "'top_logprobs': expected only together with 'logprobs': true.");
        }
        return wanted ? n : -1;
    }

    private Map<Integer, Float> logitBias() {
        Fields biases = fields.object("logit_bias");
        if (biases == null) {
            return defaults.sampling().logitBias();
        }
        int vocabulary = model.tokenizer().vocabularySize();
        Map<Integer, Float> map = new HashMap<>();
        for (String id : biases.names()) {
            if (!id.matches("[0-9]{1,9}") || Integer.parseInt(id) >= vocabulary) {
                throw ApiException.invalid("logit_bias", "'logit_bias': expected token ids from 0 to "
                        + (vocabulary - 1) + " with biases, found the key \"" + Fields.shown(id) + "\".");
            }
            map.put(Integer.valueOf(id), (float) biases.number(id, 0, -100, 100));
        }
        return map;
    }

    /** OpenAI's {@code response_format}, or llama.cpp's {@code json_schema}. */
    private TextConstraint constraint(TextConstraint forced) {
        TextConstraint asked = null;
        JsonNode own = fields.get("json_schema");
        if (own != null) {
            asked = schema("json_schema", own);
        }
        Fields format = fields.object("response_format");
        if (format != null) {
            String type = format.requireText("type");
            switch (type) {
                case "text" -> {}
                case "json_object" -> asked = format.has("schema")
                        ? schema("response_format.schema", format.get("schema"))
                        : TextConstraint.jsonObject();
                case "json_schema" -> {
                    Fields named = format.object("json_schema", format.require("json_schema", "an object"));
                    asked = schema(named.name("schema"), named.require("schema", "a JSON schema"));
                    named.ignore("name", "description", "strict").end();
                }
                default -> throw ApiException.invalid("response_format.type", "'response_format.type': expected text, "
                        + "json_object or json_schema, found \"" + Fields.shown(type) + "\".");
            }
            format.end();
        }
        return forced == null ? asked : forced;
    }

    private static TextConstraint schema(String name, JsonNode schema) {
        if (!schema.isObject() && !schema.isBoolean()) {
            throw ApiException.wrongType(name, "'" + name + "': expected a JSON schema, found " + Fields.kind(schema)
                    + ".");
        }
        try {
            return TextConstraint.jsonSchema(Json.text(schema));
        } catch (GambitException e) {
            throw ApiException.invalid(name, "'" + name + "': " + e.getMessage());
        }
    }

    private Sparsity sparsity() {
        if (fields.has("budget")) {
            if (fields.has("sparsity")) {
                throw ApiException.invalid("budget", "'budget' and 'sparsity': expected one of them, found both.");
            }
            fields.ignore("sparsity");
            return budget();
        }
        fields.ignore("budget");
        JsonNode value = fields.get("sparsity");
        if (value == null) {
            return defaults.sparsity();
        }
        double most = mostSparsity();
        boolean dense = value.isTextual() && value.textValue().equals("dense");
        if (value.isTextual() && !dense) {
            throw fields.wrong("sparsity", "a number or \"dense\"", value);
        }
        double asked = dense ? 0 : fields.number("sparsity", 0, 0, 0.95);
        if (asked > most + ROUNDING) {
            throw most == 0
                    ? ApiException.unsupported("sparsity", "'sparsity': this server runs its model without thresholds; "
                            + "leave the field out, or start the server with --chess.")
                    : ApiException.invalid("sparsity", "'sparsity': the thresholds go up to " + rounded(most)
                            + ", found " + asked + ".");
        }
        return asked == 0 ? null : new Sparsity(null, defaults.policy(), asked);
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    private double mostSparsity() {
        return model.sidecar() == null ? 0 : model.sidecar().maxLevel();
    }

    /** Returns whether a model has thresholds that budgets are spent with. */
    static boolean takesBudgets(LanguageModel model) {
        return model.sidecar() != null && model.sidecar().policies().contains(BudgetSearch.POLICY);
    }

    /** A fraction of the weights, which one policy spends where it is worth most: {@code serve --budget}. */
    private Sparsity budget() {
        double asked = fields.number("budget", 1, BudgetSearch.SMALLEST, 1);
        if (asked == 1) {
            return null;
        }
        if (!takesBudgets(model)) {
            throw ApiException.unsupported("budget", "'budget': this server's thresholds have no policy '"
                    + BudgetSearch.POLICY
                    + "'; make some with 'gambit calibrate --budget " + asked + "' and start the server with them "
                    + "(--chess FILE --budget " + asked + "), or choose a level with 'sparsity'.");
        }
        if (asked < 1 - mostSparsity() - ROUNDING) {
            throw ApiException.invalid("budget", "'budget': the thresholds go down to "
                    + rounded(1 - mostSparsity())
                    + ", found " + asked + ".");
        }
        try {
            return model.checkedSparsity(new Sparsity(null, BudgetSearch.POLICY, Math.min(1 - asked, mostSparsity())));
        } catch (GambitException e) { // a GPU's weights lie as the policy wants them that it was started with
            throw ApiException.unsupported("budget", "'budget': " + e.getMessage()
                    + "; start the server with --budget.");
        }
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
                "functions", "function_call", "audio", "lora", "grammar")) {
            fields.refuse(name, OptionFields::isEmpty, "leave it out.");
        }
        fields.refuse("post_sampling_probs", v -> v.isBoolean() && !v.booleanValue(), "leave it out.");
        fields.refuse("modalities", v -> v.isArray() && v.size() == 1 && v.get(0).asText().equals("text"),
                "this server writes text only.");
    }

    private static boolean isZero(JsonNode value) {
        return value.isNumber() && value.doubleValue() == 0;
    }

    private static boolean isEmpty(JsonNode value) {
        return value.isTextual() ? value.textValue().isEmpty() : value.isContainerNode() && value.isEmpty();
    }
}
