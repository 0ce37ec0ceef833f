package dev.gambit.langchain4j;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.TextConstraint;
import dev.gambit.engine.ToolCall;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.internal.Json;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ToolChoice;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * The tools of a request: what the chat template tells the model of them, and what they may be called with.
 *
 * @param list as templates expect them, which is OpenAI's form; empty where the model is told of none
 * @param schemas the JSON schema of each tool's arguments, by the tool's name
 * @param required whether the answer has to be a call
 */
record Tools(List<Map<String, Object>> list, Map<String, String> schemas, boolean required) {

    private static final Tools NONE = new Tools(List.of(), Map.of(), false);

    /**
     * Reads {@code toolSpecifications} and {@code toolChoice}.
     *
     * @throws InvalidRequestException for two tools of a name, and a call that is required of none
     */
    static Tools of(ChatRequestParameters parameters) {
        ToolChoice choice = parameters.toolChoice();
        List<ToolSpecification> specifications = parameters.toolSpecifications();
        if (choice == ToolChoice.REQUIRED && specifications.isEmpty()) {
            throw new InvalidRequestException(GambitException.line(
                    "toolChoice", "REQUIRED only together with tools", "no tools", "add toolSpecifications"));
        }
        if (choice == ToolChoice.NONE || specifications.isEmpty()) {
            return NONE;
        }
        List<Map<String, Object>> list = new ArrayList<>();
        Map<String, String> schemas = new LinkedHashMap<>();
        for (ToolSpecification tool : specifications) {
            Map<String, Object> parametersOf = tool.parameters() == null
                    ? Map.of("type", "object", "properties", Map.of())
                    : JsonSchemaElementUtils.toMap(tool.parameters());
            if (schemas.put(tool.name(), Json.toJson(parametersOf)) != null) {
                throw new InvalidRequestException(GambitException.line(
                        "toolSpecifications", "one tool of a name", "two called '" + tool.name() + "'", "rename one"));
            }
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", tool.name());
            if (tool.description() != null) {
                function.put("description", tool.description());
            }
            function.put("parameters", parametersOf);
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("type", "function");
            entry.put("function", function);
            list.add(entry);
        }
        return new Tools(list, schemas, choice == ToolChoice.REQUIRED);
    }

    boolean isEmpty() {
        return list.isEmpty();
    }

    Set<String> names() {
        return schemas.keySet();
    }

    /**
     * Returns what the text has to be.
     *
     * @param format what an answer that calls no tool has to be; null for any text
     * @return null for any text
     */
    TextConstraint constraint(TextConstraint format) {
        if (required) {
            return TextConstraint.toolCall(schemas);
        }
        return format == null || isEmpty() ? format : TextConstraint.toolCall(schemas).or(format);
    }

    /** A call in langchain4j's terms, with an id, as results name it. */
    static ToolExecutionRequest request(ToolCall call) {
        return ToolExecutionRequest.builder()
                .id("call_" + UUID.randomUUID().toString().replace("-", ""))
                .name(call.name())
                .arguments(call.arguments())
                .build();
    }
}
