package dev.gambit.engine;

import dev.gambit.engine.internal.jinja.JinjaTemplate;
import dev.gambit.engine.internal.schema.JsonReader;
import dev.gambit.engine.internal.schema.JsonWriter;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Turns a conversation into the prompt text a model was trained on, by the Jinja template that comes with the model
 * (GGUF key {@code tokenizer.chat_template}). The text is what {@code apply_chat_template} of Hugging Face transformers
 * gives for the same template; special tokens in it are text still, for the tokenizer to parse.
 *
 * <p>Templates are not trusted: they cannot reach files, the network or Java objects, and one that takes too much time
 * or memory fails. Immutable and safe for use by several threads.
 */
public final class ChatTemplate {

    private final JinjaTemplate template;
    private final String bosToken;
    private final String eosToken;
    private final Clock clock;

    private ChatTemplate(JinjaTemplate template, String bosToken, String eosToken, Clock clock) {
        this.template = template;
        this.bosToken = bosToken;
        this.eosToken = eosToken;
        this.clock = clock;
    }

    /**
     * @param jinjaSource the template
     * @param bosToken text of the token that begins a sequence, the template's {@code bos_token}; null if the model has
     *     none, which leaves the variable undefined
     * @param eosToken text of the token that ends a sequence, the template's {@code eos_token}; null likewise
     * @return the template, parsed
     * @throws GambitException one line naming the place and the construct that is not understood
     */
    public static ChatTemplate of(String jinjaSource, String bosToken, String eosToken) {
        return of(jinjaSource, bosToken, eosToken, Clock.systemDefaultZone());
    }

    /** As {@link #of(String, String, String)}, with the time that the template's {@code strftime_now} tells. */
    static ChatTemplate of(String jinjaSource, String bosToken, String eosToken, Clock clock) {
        if (jinjaSource == null) {
            throw new GambitException(GambitException.line("chat template", "Jinja source", "none",
                    "give a chat template or use plain completion"));
        }
        return new ChatTemplate(JinjaTemplate.parse(jinjaSource), bosToken, eosToken, clock);
    }

    /**
     * @param messages the conversation, first turn first
     * @param addGenerationPrompt whether to end with the opening of the assistant's turn, for the model to go on from
     * @return the prompt
     * @throws GambitException one line: what the template objects to (its {@code raise_exception}), or where and why it
     *     cannot be rendered
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, Map.of());
    }

    /**
     * @param messages the conversation, first turn first
     * @param addGenerationPrompt whether to end with the opening of the assistant's turn, for the model to go on from
     * @param variables further variables, such as {@code tools} or {@code enable_thinking}: text, booleans, numbers,
     *     null, and lists and maps of those. One of the name of a standard variable takes its place; with
     *     {@code messages} a caller can pass turns that carry more than a role and a text, such as tool calls
     * @return the prompt
     * @throws GambitException as {@link #render(List, boolean)}
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables) {
        List<Map<String, Object>> turns = new ArrayList<>(messages.size());
        for (ChatMessage message : messages) {
            Map<String, Object> turn = new LinkedHashMap<>();
            turn.put("role", message.role());
            turn.put("content", message.content());
            addCalls(message, turn);
            turns.add(turn);
        }
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("messages", turns);
        all.put("add_generation_prompt", addGenerationPrompt);
        // transformers defines these two even without any
        all.put("tools", null);
        all.put("documents", null);
        if (bosToken != null) {
            all.put("bos_token", bosToken);
        }
        if (eosToken != null) {
            all.put("eos_token", eosToken);
        }
        all.putAll(variables);
        return template.render(all, clock);
    }

    private static void addCalls(ChatMessage message, Map<String, Object> turn) {
        List<Map<String, Object>> calls = new ArrayList<>();
        for (ToolCall call : message.toolCalls()) {
            // templates expect the arguments as an object, which they write as they were trained to
            Object arguments = JsonReader.plain(JsonReader.read("arguments of tool call " + call.name(),
                    call.arguments().isBlank() ? "{}" : call.arguments()));
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", call.name());
            function.put("arguments", arguments);
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("id", call.id());
            entry.put("type", "function");
            entry.put("function", function);
            calls.add(entry);
        }
        // templates ask whether they are there at all
        if (!calls.isEmpty()) {
            turn.put("tool_calls", calls);
        }
        if (message.toolCallId() != null) {
            turn.put("tool_call_id", message.toolCallId());
        }
        if (message.name() != null) {
            turn.put("name", message.name());
        }
    }

    /**
     * Renders a conversation with tools.
     *
     * @param messages the conversation, first turn first
     * @param addGenerationPrompt whether to end with the opening of the assistant's turn, for the model to go on from
     * @param tools a JSON array of them, as in OpenAI's API: {@code [{"type": "function", "function": {"name": …}}, …]}
     * @return the prompt
     * @throws GambitException as {@link #render(List, boolean)}, and where the tools are no such array
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt, String tools) {
        Object list = JsonReader.plain(JsonReader.read("tools", tools));
        if (!(list instanceof List<?>)) {
            throw new GambitException(GambitException.line("tools", "a JSON array", JsonWriter.write(list),
                    "pass a list of functions"));
        }
        return render(messages, addGenerationPrompt, Map.of("tools", list));
    }

    /** Returns whether the template tells the model of tools; many do not know of any. */
    public boolean supportsTools() {
        String name = "tool" + UUID.nameUUIDFromBytes(new byte[] {1});
        Map<String, Object> function = Map.of("name", name, "description", name,
                "parameters", Map.of("type", "object", "properties", Map.of()));
        try {
            return render(List.of(new ChatMessage("user", "x")), true,
                    Map.of("tools", List.of(Map.of("type", "function", "function", function)))).contains(name);
        } catch (GambitException e) {
            return false; // it objects to them
        }
    }
}
