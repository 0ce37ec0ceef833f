package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a chat with tools may say, and what becomes of a model's calls. */
class ToolsTest {

    private static final String WEATHER = "{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":"
            + "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}";
    private static final String CALL =
            "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";

    private static Tools tools(String rest) {
        return Tools.read(new Fields(Json.parse(("{\"tools\":[" + WEATHER + "]" + rest + "}").getBytes(
                StandardCharsets.UTF_8))));
    }

    private static ChatFormat format(Tools tools) {
        GenerationRequest request = new GenerationRequest(List.of(), "messages", 1, false, false, 10,
                SamplingOptions.greedy(), List.of(), false, false, true, -1, null, null, false);
        return new ChatFormat(new Envelope("x", "m", new Figures(1), null), request, tools);
    }

    private static Text text(String text) {
        return new Text(0, new GenerationRequest.Prompt(new int[] {1}, "p"), 0, 0, new GenerationResult(text,
                new int[] {1}, GenerationResult.Finish.END_OF_GENERATION, new Timings(1, 1, 1, 1),
                new SparsityReport(Map.of(), 1, 1, List.of())), null);
    }

    @Test
    void readsToolsAndChoices() {
        assertTrue(tools("").names().contains("weather"));
        assertNull(tools("").constraint());
        assertTrue(tools(",\"tool_choice\":\"none\"").isEmpty());
        assertTrue(tools(",\"tool_choice\":\"required\"").constraint().toString().contains("weather"));
        assertTrue(tools(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"weather\"}}").constraint()
                .toString().contains("city"));
        ApiException e = assertThrows(ApiException.class,
                () -> tools(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"time\"}}"));
        assertEquals(400, e.status());
        assertTrue(e.getMessage().contains("time"), e.getMessage());
    }

    /** As pydantic writes them: a definition of each tool's own, under the same name. */
    @Test
    void eachToolsReferencesAreItsOwn() {
        String tool = "{\"type\":\"function\",\"function\":{\"name\":\"%s\",\"parameters\":{\"type\":\"object\","
                + "\"$defs\":{\"X\":{\"enum\":[\"%s\"]}},\"properties\":{\"x\":{\"$ref\":\"#/$defs/X\"}}}}}";
        Tools both = Tools.read(new Fields(Json.parse(("{\"tools\":[" + tool.formatted("first", "a") + ","
                + tool.formatted("second", "b") + "],\"tool_choice\":\"required\"}").getBytes(
                        StandardCharsets.UTF_8))));
        assertTrue(both.constraint().toString().contains("second"));
    }

    @Test
    void turnsACallIntoOpenAisShape() {
        JsonNode choice = format(tools("")).whole(List.of(text("Let me look. " + CALL))).get("choices").get(0);
        assertEquals("tool_calls", choice.get("finish_reason").asText());
        assertEquals("Let me look. ", choice.get("message").get("content").asText());
        JsonNode call = choice.get("message").get("tool_calls").get(0);
        assertTrue(call.get("id").asText().startsWith("call_"));
        assertEquals("weather", call.get("function").get("name").asText());
        assertEquals("Oslo", TestServer.json(call.get("function").get("arguments").asText()).get("city").asText());
        JsonNode plain = format(tools("")).whole(List.of(text("It rains."))).get("choices").get(0);
        assertEquals("stop", plain.get("finish_reason").asText());
        assertEquals("It rains.", plain.get("message").get("content").asText());
        assertTrue(format(tools("")).whole(List.of(text(CALL))).get("choices").get(0).get("message").get("content")
                .isNull());
    }

    @Test
    void streamsTextAndThenTheCall() {
        ChatFormat format = format(tools(""));
        StringBuilder content = new StringBuilder();
        List<ObjectNode> events = new ArrayList<>();
        String all = "Let me look. " + CALL;
        for (int i = 0; i < all.length(); i++) {
            ObjectNode more = format.more(0, all.substring(i, i + 1), 1, null);
            if (more != null) {
                events.add(more);
            }
        }
        events.addAll(format.last(text(all), null));
        int calls = 0;
        for (ObjectNode event : events) {
            JsonNode delta = event.get("choices").get(0).get("delta");
            content.append(delta.path("content").asText(""));
            calls += delta.path("tool_calls").size();
        }
        assertEquals("Let me look. ", content.toString());
        assertEquals(1, calls);
        assertEquals("tool_calls", events.getLast().get("choices").get(0).get("finish_reason").asText());
    }
}
