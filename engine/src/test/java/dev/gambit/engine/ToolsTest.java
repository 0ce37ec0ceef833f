package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Conversations with tools against Python's jinja2, and calls found in what models write. */
class ToolsTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static JsonNode vectors() throws IOException {
        try (InputStream in = ToolsTest.class.getResourceAsStream("chat-template-vectors.json")) {
            return JSON.readTree(in);
        }
    }

    @Test
    void callsAndAnswersAreRenderedAsJinja2RendersThem() throws IOException {
        JsonNode vectors = vectors();
        int rendered = 0;
        for (JsonNode vector : vectors.get("cases")) {
            if (!vector.get("messages").toString().contains("tool_calls")) {
                continue;
            }
            List<ChatMessage> messages = new ArrayList<>();
            for (JsonNode m : vector.get("messages")) {
                List<ToolCall> calls = new ArrayList<>();
                m.path("tool_calls").forEach(c -> calls.add(new ToolCall(c.get("id").asText(),
                        c.get("function").get("name").asText(), c.get("function").get("arguments").toString())));
                messages.add(new ChatMessage(m.get("role").asText(), m.get("content").asText(), calls,
                        m.path("tool_call_id").asText(null), m.path("name").asText(null)));
            }
            ChatTemplate template = ChatTemplate.of(vectors.get("templates").get(vector.get("template").asText())
                    .asText(),
                    "<s>", "</s>", Clock.fixed(Instant.parse("2024-07-06T13:05:09Z"), ZoneOffset.UTC));
            JsonNode tools = vector.get("variables").get("tools");
            boolean generate = vector.get("generate").asBoolean();
            assertEquals(vector.get("expected").asText(), tools == null ? template.render(messages, generate)
                    : template.render(messages, generate, tools.toString()));
            rendered++;
        }
        assertEquals(3, rendered);
    }

    @ParameterizedTest
    @CsvSource({"qwen-style,true", "llama3-style,true", "mistral-style,true", "chatml,false", "smollm2,false",
        "gemma-style,false"})
    void templatesSayWhetherTheyKnowOfTools(String name, boolean supports) throws IOException {
        ChatTemplate template = ChatTemplate.of(vectors().get("templates").get(name).asText(), "<s>", "</s>");
        assertEquals(supports, template.supportsTools());
    }

    @Test
    void toolsThatAreNoArrayAreRefused() {
        ChatTemplate template = ChatTemplate.of("{{ tools }}", null, null);
        assertThrows(GambitException.class, () -> template.render(List.of(), true, "{}"));
        assertThrows(GambitException.class, () -> template.render(List.of(), true, "[{]"));
        ChatMessage broken = ChatMessage.calling("", List.of(new ToolCall("1", "f", "{a}")));
        GambitException e = assertThrows(GambitException.class, () -> template.render(List.of(broken), true));
        assertTrue(e.getMessage().startsWith("arguments of tool call f, line 1, column 2"), e.getMessage());
    }

    /** Feeds a text in pieces of each size; what is shown and found must not depend on it. */
    private static void parses(String text, String shown, String... calls) {
        for (int size = 1; size <= text.length(); size++) {
            ToolCallParser parser = new ToolCallParser(Set.of("weather", "time"));
            StringBuilder all = new StringBuilder();
            for (int at = 0; at < text.length(); at += size) {
                all.append(parser.add(text.substring(at, Math.min(text.length(), at + size))));
            }
            all.append(parser.finish());
            assertEquals(shown, all.toString(), "in pieces of " + size);
            assertEquals(List.of(calls), parser.calls().stream().map(c -> c.name() + c.arguments()).toList());
        }
    }

    @Test
    void hermesCallsAreFoundAmongText() {
        parses("<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Zürich\", \"days\": 2}}\n</tool_call>",
                "",
                "weather{\"city\":\"Zürich\",\"days\":2}");
        parses("Let me see.\n<tool_call>{\"name\": \"time\", \"arguments\": {}}</tool_call>\n<tool_call>"
                + "{\"name\": \"weather\", \"arguments\": \"{\\\"a\\\": 1.50}\"}</tool_call>", "Let me see.\n",
                "time{}",
                "weather{\"a\": 1.50}");
        // the end of the text, or its limit, closes a call
        parses("<tool_call>{\"name\": \"time\"}", "", "time{}");
    }

    @Test
    void wholeTextsOfJsonAreCallsOfKnownTools() {
        parses("{\"name\": \"weather\", \"parameters\": {\"city\": \"Bern\"}}", "", "weather{\"city\":\"Bern\"}");
        parses(" {\"type\":\"function\",\"function\":{\"name\":\"time\",\"parameters\":{}}}; {\"name\":\"time\"}", "",
                "time{}",
                "time{}");
        parses("[{\"name\":\"time\",\"arguments\":{\"zone\":[\"};{\",null]}}]", "", "time{\"zone\":[\"};{\",null]}");
    }

    @Test
    void whatIsNoCallStaysText() {
        for (String text : List.of("Plain  text, 3 < 4 <tool> <tool_cal", "{\"name\": \"unknown\", \"parameters\": {}}",
                "{\"a\": 1}", "[1, 2]", "{broken", " \n two ", "<tool_call>{\"name\": \"nobody\"}</tool_call> after",
                "<tool_call>not JSON", "{\"name\": \"weather\", \"parameters\": 7}", "<<<tool_call")) {
            parses(text, text);
        }
        parses("", "");
        assertFalse(new ToolCallParser(Set.of("x")).add("text").isEmpty(), "text does not wait for the end");
    }

    @Test
    void callsHaveNamesAndArguments() {
        assertThrows(GambitException.class, () -> new ToolCall("", "", "{}"));
        assertThrows(GambitException.class, () -> new ToolCall("", "x", null));
        assertEquals("7", new ToolCall("", "x", "{}").withId("7").id());
    }
}
