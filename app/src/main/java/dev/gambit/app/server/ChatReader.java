package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.ChatTemplate;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns OpenAI's {@code messages} into a prompt by the model's chat template. */
final class ChatReader {

    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");
    private static final String CONTENT = "a string or a list of parts of type text";

    private final LanguageModel model;

    ChatReader(LanguageModel model) {
        this.model = model;
    }

    /** Reads a conversation and renders it, with the tools that the model may call. */
    String prompt(Fields fields, Tools tools) {
        List<Map<String, Object>> messages = messages(fields);
        Map<String, Object> variables = new LinkedHashMap<>();
        JsonNode more = fields.get("chat_template_kwargs");
        if (more instanceof ObjectNode object) {
            object.properties().forEach(e -> variables.put(e.getKey(), Json.plain(e.getValue())));
        } else if (more != null) {
            throw fields.wrong("chat_template_kwargs", "an object", more);
        }
        variables.put("messages", messages);
        if (!tools.isEmpty()) {
            variables.put("tools", Json.plain(tools.list()));
        }
        boolean answer = fields.flag("add_generation_prompt", true);
        try {
            ChatTemplate template = model.chatTemplate();
            if (!tools.isEmpty() && !template.supportsTools()) {
                throw ApiException.unsupported("tools", "'tools': this model's chat template does not tell it of "
                        + "tools; leave the field out, or serve a model that was made for tools.");
            }
            return template.render(List.of(), answer, variables);
        } catch (GambitException e) {
            throw ApiException.invalid("messages", e.getMessage());
        }
    }

    private List<Map<String, Object>> messages(Fields fields) {
        JsonNode list = fields.require("messages", "a list of messages");
        if (!list.isArray()) {
            throw fields.wrong("messages", "a list of messages", list);
        }
        if (list.isEmpty()) {
            throw ApiException.invalid("messages", "'messages': expected at least one message, found an empty list.");
        }
        List<Map<String, Object>> messages = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            messages.add(message(fields.object("messages[" + i + "]", list.get(i))));
        }
        return messages;
    }

    private static Map<String, Object> message(Fields fields) {
        String role = fields.requireText("role");
        if (!ROLES.contains(role)) {
            throw ApiException.invalid(fields.name("role"), "'" + fields.name("role")
                    + "': expected system, developer, user, assistant or tool, found \"" + role + "\".");
        }
        Map<String, Object> message = new LinkedHashMap<>();
        // OpenAI's newer name for the same
        message.put("role", role.equals("developer") ? "system" : role);
        JsonNode calls = fields.get("tool_calls");
        boolean calling = role.equals("assistant") && calls != null && calls.isArray() && !calls.isEmpty();
        if (calls != null && !calling && !(calls.isArray() && calls.isEmpty())) {
            throw fields.wrong("tool_calls", "a list of calls in a message of the assistant", calls);
        }
        message.put("content", calling && !fields.has("content") ? null : content(fields));
        fields.get("content");
        if (calling) {
            message.put("tool_calls", calls(fields, calls));
        }
        String name = fields.text("name", null);
        if (name != null) {
            message.put("name", name);
        }
        String call = fields.text("tool_call_id", null);
        if (call != null) {
            message.put("tool_call_id", call);
        }
        // what OpenAI's own answers carry, sent back
        fields.ignore("refusal", "annotations", "audio", "function_call", "reasoning_content");
        fields.end();
        return message;
    }

    /** Templates expect the arguments, which OpenAI's API carries as a text, as an object. */
    private static List<Object> calls(Fields fields, JsonNode calls) {
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            Fields call = fields.object("tool_calls[" + i + "]", calls.get(i));
            Fields function = call.object("function", call.require("function", "an object"));
            Map<String, Object> named = new LinkedHashMap<>();
            named.put("name", function.requireText("name"));
            String arguments = function.text("arguments", "{}");
            try {
                named.put("arguments", Json.plain(Json.parse((arguments.isBlank() ? "{}" : arguments).getBytes(
                        StandardCharsets.UTF_8))));
            } catch (ApiException e) {
                named.put("arguments", arguments); // what a model once wrote need not be JSON
            }
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("id", call.text("id", ""));
            one.put("type", call.text("type", "function"));
            one.put("function", named);
            list.add(one);
        }
        return list;
    }

    private static String content(Fields fields) {
        JsonNode content = fields.require("content", CONTENT);
        if (content.isTextual()) {
            return content.textValue();
        }
        if (!content.isArray()) {
            throw fields.wrong("content", CONTENT, content);
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < content.size(); i++) {
            Fields part = fields.object("content[" + i + "]", content.get(i));
            String type = part.requireText("type");
            if (!type.equals("text")) {
                throw ApiException.unsupported(part.name("type"),
                        "'" + part.name("type") + "': this server reads parts of type text, found \"" + type + "\".");
            }
            if (i > 0) {
                text.append('\n');
            }
            text.append(part.requireText("text"));
            part.ignore("cache_control", "prompt_cache_breakpoint").end();
        }
        return text.toString();
    }
}
