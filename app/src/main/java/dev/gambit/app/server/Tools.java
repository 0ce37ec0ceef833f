package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.TextConstraint;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The tools of a chat: what the template tells the model of them, and what it may answer.
 *
 * @param list as the client sent them; null where the model is told of none
 * @param schemas each tool's parameters, by its name
 * @param constraint what forces a call; null where the model chooses
 */
record Tools(ArrayNode list, Map<String, JsonNode> schemas, TextConstraint constraint) {

    static final Tools NONE = new Tools(null, Map.of(), null);

    private static final int MOST = 128;
    private static final String CHOICES = "\"auto\", \"none\", \"required\" or one of the functions";

    /** Returns the names of the tools that may be called. */
    Set<String> names() {
        return schemas.keySet();
    }

    boolean isEmpty() {
        return list == null;
    }

    /** Reads {@code tools} and {@code tool_choice}. */
    static Tools read(Fields fields) {
        fields.flag("parallel_tool_calls", true); // a model calls as many as it likes
        JsonNode tools = fields.get("tools");
        JsonNode choice = fields.get("tool_choice");
        if (tools != null && !tools.isArray()) {
            throw fields.wrong("tools", "a list of functions", tools);
        }
        if (tools == null || tools.isEmpty()) {
            if (choice != null && !Set.of("auto", "none").contains(choice.asText())) {
                throw ApiException.invalid("tool_choice", "'tool_choice': expected only together with 'tools'.");
            }
            return NONE;
        }
        if (tools.size() > MOST) {
            throw ApiException.invalid("tools", "'tools': expected at most " + MOST + ", found " + tools.size() + ".");
        }
        Map<String, JsonNode> schemas = new LinkedHashMap<>();
        for (int i = 0; i < tools.size(); i++) {
            Fields tool = fields.object("tools[" + i + "]", tools.get(i));
            String type = tool.requireText("type");
            if (!type.equals("function")) {
                throw ApiException.unsupported(tool.name("type"),
                        "'" + tool.name("type") + "': expected \"function\", found \"" + Fields.shown(type) + "\".");
            }
            Fields function = tool.object("function", tool.require("function", "an object"));
            String name = function.requireText("name");
            if (!name.matches("[A-Za-z0-9_.-]{1,64}")) {
                throw ApiException.invalid(function.name("name"), "'" + function.name("name")
                        + "': expected up to 64 letters, digits, '_', '.' and '-', found \"" + Fields.shown(name)
                        + "\".");
            }
            function.text("description", null);
            Fields parameters = function.object("parameters");
            schemas.put(name, parameters == null ? null : function.get("parameters"));
        }
        return choose(fields, choice, (ArrayNode) tools, schemas);
    }

    private static Tools choose(Fields fields, JsonNode choice, ArrayNode tools, Map<String, JsonNode> schemas) {
        if (choice == null || choice.asText().equals("auto")) {
            return new Tools(tools, schemas, null);
        }
        if (choice.asText().equals("none")) {
            return NONE;
        }
        if (choice.asText().equals("required")) {
            return new Tools(tools, schemas, call(schemas));
        }
        if (!choice.isObject()) {
            throw fields.wrong("tool_choice", CHOICES, choice);
        }
        String name = choice.path("function").path("name").asText();
        if (!schemas.containsKey(name)) {
            throw ApiException.invalid("tool_choice",
                    "'tool_choice': expected " + CHOICES + ", found the function \"" + Fields.shown(name) + "\".");
        }
        Map<String, JsonNode> one = new LinkedHashMap<>();
        one.put(name, schemas.get(name));
        return new Tools(tools, one, call(one));
    }

    /** A call of one of the tools, with arguments that fit it. */
    private static TextConstraint call(Map<String, JsonNode> schemas) {
        Map<String, String> texts = new LinkedHashMap<>();
        schemas.forEach((name, parameters) -> texts.put(name, parameters == null ? "{}" : Json.text(parameters)));
        try {
            return TextConstraint.toolCall(texts);
        } catch (GambitException e) {
            throw ApiException.invalid("tools", "'tools': " + e.getMessage());
        }
    }
}
