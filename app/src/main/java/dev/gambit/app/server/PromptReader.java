package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** Turns what clients send as a prompt into tokens. */
final class PromptReader {

    private static final String FORMS =
            "a string, a list of strings, a list of token ids, or a list of such lists";

    private final LanguageModel model;

    PromptReader(LanguageModel model) {
        this.model = model;
    }

    /** Reads OpenAI's {@code prompt}: a text, texts, tokens or lists of tokens. */
    List<GenerationRequest.Prompt> prompts(Fields fields, String field) {
        JsonNode value = fields.require(field, FORMS);
        if (value.isTextual()) {
            return List.of(text(value.textValue()));
        }
        if (!value.isArray()) {
            throw fields.wrong(field, FORMS, value);
        }
        if (value.isEmpty()) {
            throw ApiException.invalid(field, "'" + field + "': expected " + FORMS + ", found an empty list.");
        }
        if (value.get(0).isNumber()) {
            return List.of(tokens(fields, field, value));
        }
        if (value.size() > OptionFields.MOST_TEXTS) {
            throw ApiException.invalid(field, "'" + field + "': expected at most " + OptionFields.MOST_TEXTS
                    + " prompts, found " + value.size() + ".");
        }
        List<GenerationRequest.Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < value.size(); i++) {
            JsonNode one = value.get(i);
            String name = field + "[" + i + "]";
            if (one.isTextual()) {
                prompts.add(text(one.textValue()));
            } else if (one.isArray() && !one.isEmpty()) {
                prompts.add(tokens(fields, name, one));
            } else {
                throw fields.wrong(name, "a string or a list of token ids", one);
            }
        }
        return prompts;
    }

    private GenerationRequest.Prompt tokens(Fields fields, String name, JsonNode list) {
        int[] tokens = fields.tokens(name, list, model.tokenizer().vocabularySize());
        return new GenerationRequest.Prompt(tokens, model.tokenizer().decode(tokens));
    }

    private GenerationRequest.Prompt text(String text) {
        return new GenerationRequest.Prompt(orBeginning(model.tokenizer().encode(text, true, true)), text);
    }

    /** Encodes a rendered conversation; many templates write the begin-of-sequence token themselves. */
    GenerationRequest.Prompt rendered(String text) {
        Tokenizer tokenizer = model.tokenizer();
        boolean begun = tokenizer.bos() >= 0 && text.startsWith(tokenizer.token(tokenizer.bos()));
        return new GenerationRequest.Prompt(orBeginning(tokenizer.encode(text, !begun, true)), text);
    }

    /** An empty prompt is the beginning of a text. */
    private int[] orBeginning(int[] tokens) {
        if (tokens.length > 0) {
            return tokens;
        }
        Tokenizer tokenizer = model.tokenizer();
        int first = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
        if (first < 0) {
            throw ApiException.invalid("prompt",
                    "'prompt': expected a text, as this model has no token to begin one with, found an empty one.");
        }
        return new int[] {first};
    }
}
