package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Texts in one piece and in streams, and what requests can say about them. */
class CompletionsTest {

    private static final String PROMPT = "\"prompt\":\"Once upon a time\"";
    private static final String MESSAGES =
            "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a cat.\"}]";

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = new TestServer();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode complete(String fields) {
        return server.ok("/v1/completions", "{" + PROMPT + "," + fields + "}");
    }

    private static String text(JsonNode completion) {
        return completion.get("choices").get(0).get("text").asText();
    }

    private static List<JsonNode> stream(String path, String fields) {
        HttpResponse<String> response = server.post(path, "{\"stream\":true," + fields + "}");
        assertEquals(200, response.statusCode(), response::body);
        assertTrue(response.headers().firstValue("Content-Type").orElse("").startsWith("text/event-stream"));
        List<String> events = new ArrayList<>(TestServer.events(response.body()));
        assertEquals("[DONE]", events.removeLast());
        return events.stream().map(TestServer::json).toList();
    }

    @Test
    void completesInOpenAisShape() {
        JsonNode json = complete("\"max_tokens\":8,\"seed\":3");
        assertEquals("text_completion", json.get("object").asText());
        assertTrue(json.get("id").asText().startsWith("cmpl-"));
        JsonNode choice = json.get("choices").get(0);
        assertEquals("length", choice.get("finish_reason").asText());
        assertFalse(choice.get("text").asText().isEmpty());
        JsonNode usage = json.get("usage");
        assertEquals(8, usage.get("completion_tokens").asInt());
        assertEquals(usage.get("prompt_tokens").asInt() + 8, usage.get("total_tokens").asInt());
        JsonNode timings = json.get("timings");
        assertEquals(8, timings.get("predicted_n").asInt());
        assertEquals(0.5, timings.get("sparsity").asDouble());
        assertTrue(timings.get("active").asDouble() < 1);
        assertTrue(timings.get("bytes").asDouble() < 1);
        assertTrue(timings.get("predicted_per_second").asDouble() > 0);
    }

    @Test
    void answersAChat() {
        JsonNode json = server.ok("/v1/chat/completions", "{" + MESSAGES + ",\"max_completion_tokens\":8,\"seed\":3}");
        assertEquals("chat.completion", json.get("object").asText());
        JsonNode message = json.get("choices").get(0).get("message");
        assertEquals("assistant", message.get("role").asText());
        assertFalse(message.get("content").asText().isEmpty());
        assertEquals("stop", server.ok("/v1/chat/completions", "{" + MESSAGES + ",\"seed\":3}")
                .get("choices").get(0).get("finish_reason").asText(), "the model's own end");
    }

    @Test
    void streamsTheSameTextInOrder() {
        JsonNode whole = complete("\"max_tokens\":24,\"seed\":5");
        List<JsonNode> events = stream("/v1/completions", PROMPT + ",\"max_tokens\":24,\"seed\":5");
        StringBuilder text = new StringBuilder();
        events.forEach(e -> text.append(e.get("choices").get(0).get("text").asText()));
        assertEquals(text(whole), text.toString());
        assertEquals("length", events.getLast().get("choices").get(0).get("finish_reason").asText());
        assertTrue(events.getLast().has("timings"));
        assertTrue(events.size() > 10, "a piece for each token, or nearly");
    }

    @Test
    void streamsAChatWithItsRoleFirstAndItsUsageLast() {
        List<JsonNode> events = stream("/v1/chat/completions",
                MESSAGES + ",\"max_tokens\":12,\"seed\":5,\"stream_options\":{\"include_usage\":true},"
                        + "\"timings_per_token\":true");
        JsonNode first = events.getFirst().get("choices").get(0).get("delta");
        assertEquals("assistant", first.get("role").asText());
        JsonNode last = events.getLast();
        assertEquals(0, last.get("choices").size());
        assertEquals(12, last.get("usage").get("completion_tokens").asInt());
        assertTrue(events.get(1).get("usage").isNull());
        assertTrue(events.get(1).get("timings").get("predicted_n").asInt() >= 1);
        assertEquals("length", events.get(events.size() - 2).get("choices").get(0).get("finish_reason").asText());
        assertEquals(1, events.stream().map(e -> e.get("id").asText()).distinct().count());
        JsonNode whole = server.ok("/v1/chat/completions", "{" + MESSAGES + ",\"max_tokens\":12,\"seed\":5}");
        StringBuilder text = new StringBuilder();
        for (JsonNode event : events) {
            text.append(event.path("choices").path(0).path("delta").path("content").asText(""));
        }
        assertEquals(whole.get("choices").get(0).get("message").get("content").asText(), text.toString());
    }

    @Test
    void stopsWhereItIsToldTo() {
        String all = text(complete("\"max_tokens\":30,\"seed\":5"));
        String stop = all.substring(20, 26);
        JsonNode json = complete("\"max_tokens\":30,\"seed\":5,\"stop\":[\"nowhere at all\"," + Json.text(
                Json.object().textNode(stop)) + "]");
        assertEquals(all.substring(0, all.indexOf(stop)), text(json));
        assertEquals("stop", json.get("choices").get(0).get("finish_reason").asText());
        StringBuilder streamed = new StringBuilder();
        stream("/v1/completions", PROMPT + ",\"max_tokens\":30,\"seed\":5,\"stop\":" + Json.text(Json.object().textNode(
                stop))).forEach(e -> streamed.append(e.get("choices").get(0).get("text").asText()));
        assertEquals(text(json), streamed.toString());
    }

    @Test
    void sameSeedSameTextAndOthersDiffer() {
        String fields = "\"max_tokens\":24,\"temperature\":1.2,\"ignore_eos\":true,\"seed\":";
        String once = text(complete(fields + 11));
        assertEquals(once, text(complete(fields + 11)));
        assertNotEquals(once, text(complete(fields + 12)));
        assertEquals(text(complete(fields + "-77")), text(complete(fields + "-77")));
        assertNotEquals(text(complete("\"max_tokens\":24,\"temperature\":1.5,\"ignore_eos\":true")),
                text(complete("\"max_tokens\":24,\"temperature\":1.5,\"ignore_eos\":true")));
    }

    @Test
    void givesSeveralTextsOfSeveralPrompts() {
        JsonNode json = server.ok("/v1/completions",
                "{\"prompt\":[\"Once upon a time\",\"The dog\"],\"n\":2,"
                        + "\"max_tokens\":12,\"temperature\":1.2,\"seed\":7}");
        JsonNode choices = json.get("choices");
        assertEquals(4, choices.size());
        for (int i = 0; i < 4; i++) {
            assertEquals(i, choices.get(i).get("index").asInt());
        }
        assertNotEquals(choices.get(0).get("text"), choices.get(1).get("text"));
        assertEquals(48, json.get("usage").get("completion_tokens").asInt());
        // the first text is the one that a request for one would have got
        assertEquals(text(complete("\"max_tokens\":12,\"temperature\":1.2,\"seed\":7")),
                choices.get(0).get("text").asText());
        List<JsonNode> events = stream("/v1/chat/completions", MESSAGES + ",\"n\":2,\"max_tokens\":6,\"seed\":7");
        assertEquals(2, events.stream().filter(e -> e.get("choices").get(0).get("delta").has("role")).count());
    }

    @Test
    void takesTokensAndEchoes() {
        JsonNode tokens = server.ok("/tokenize", "{\"content\":\"Once upon a time\",\"add_special\":true}").get(
                "tokens");
        JsonNode json = server.ok("/v1/completions", "{\"prompt\":" + tokens + ",\"max_tokens\":8,\"seed\":3}");
        assertEquals(text(complete("\"max_tokens\":8,\"seed\":3")), text(json));
        assertTrue(text(complete("\"max_tokens\":8,\"seed\":3,\"echo\":true")).startsWith("Once upon a time"));
        assertEquals("", text(complete("\"max_tokens\":0")));
        assertFalse(text(server.ok("/v1/completions", "{\"prompt\":\"\",\"max_tokens\":8}")).isEmpty());
    }

    @Test
    void answersLlamaCppsOwnPath() {
        JsonNode json = server.ok("/completion", "{" + PROMPT + ",\"n_predict\":8,\"seed\":3}");
        assertEquals(text(complete("\"max_tokens\":8,\"seed\":3")), json.get("content").asText());
        assertEquals("limit", json.get("stop_type").asText());
        assertEquals(8, json.get("tokens").size());
        assertEquals(3, json.get("generation_settings").get("seed").asInt());
        List<String> events = TestServer.events(
                server.post("/completion", "{" + PROMPT + ",\"n_predict\":8,\"seed\":3,\"stream\":true}").body());
        assertTrue(TestServer.json(events.getLast()).get("stop").asBoolean());
        assertFalse(TestServer.json(events.getFirst()).get("stop").asBoolean());
    }

    @Test
    void acceptsWhatMakesNoDifferenceAndRefusesWhatItCannotDo() {
        complete("\"max_tokens\":1,\"user\":\"me\",\"model\":\"gpt-4o\",\"store\":false,\"metadata\":{\"a\":\"b\"},"
                + "\"best_of\":1,\"suffix\":null,\"mirostat\":0,\"typical_p\":1.0,\"sparsity\":0.5,"
                + "\"response_format\":{\"type\":\"text\"}");
        for (String field : new String[] {"\"best_of\":3", "\"suffix\":\"x\"", "\"mirostat\":2", "\"budget\":0.5",
            "\"frobnicate\":1", "\"grammar\":\"root ::= 1\""}) {
            JsonNode error = server.post(400, "/v1/completions", "{" + PROMPT + "," + field + "}").get("error");
            String name = field.substring(1, field.indexOf('"', 1));
            assertEquals(name, error.get("param").asText(), error::toString);
            assertTrue(error.get("message").asText().contains("'" + name + "'"), error::toString);
        }
    }

    @Test
    void runsEachRequestAsSparselyAsItAsks() {
        String ask = "\"max_tokens\":24,\"temperature\":0,\"sparsity\":";
        JsonNode dense = complete(ask + "0");
        assertEquals(1.0, dense.get("timings").get("active").asDouble());
        assertEquals(1.0, dense.get("timings").get("bytes").asDouble());
        assertEquals(text(dense), text(complete(ask + "\"dense\"")));
        double before = 1;
        for (String level : new String[] {"0.3", "0.6", "0.9"}) {
            JsonNode timings = complete(ask + level).get("timings");
            assertEquals(Double.parseDouble(level), timings.get("sparsity").asDouble());
            assertTrue(timings.get("active").asDouble() < before, level + ": " + timings);
            before = timings.get("active").asDouble();
        }
        assertEquals(text(dense), text(complete(ask + "0")), "dense again, whatever was in between");
        assertEquals(text(complete("\"max_tokens\":24,\"temperature\":0")), text(complete(ask + "0.5")),
                "the server's own");
        complete(ask + "0.95"); // all that the thresholds have
        assertEquals("sparsity", server.post(400, "/v1/completions", "{" + PROMPT + ",\"sparsity\":0.96}").get("error")
                .get("param").asText(), "more than that");
    }

    /** The prompt, which this server reads densely, must not hide how sparsely the answer was written. */
    @Test
    void countsTheWeightsOfWhatIsGenerated() {
        JsonNode timings = server.ok("/v1/completions", "{\"prompt\":\"" + "Tom saw a big dog. ".repeat(30)
                + "\",\"max_tokens\":4,\"ignore_eos\":true,\"sparsity\":0.9}").get("timings");
        assertTrue(timings.get("prompt_n").asInt() > 100, timings::toString);
        assertTrue(timings.get("active").asDouble() < 0.75, timings::toString);
    }

    @Test
    void tellsHowLikelyTokensWere() {
        String ask = MESSAGES + ",\"max_tokens\":230,\"seed\":3,\"logprobs\":true,\"top_logprobs\":3";
        JsonNode chat = server.ok("/v1/chat/completions", "{" + ask + "}");
        JsonNode choice = chat.get("choices").get(0);
        JsonNode content = choice.get("logprobs").get("content");
        StringBuilder text = new StringBuilder();
        for (JsonNode token : content) {
            text.append(token.get("token").asText());
            assertTrue(token.get("logprob").asDouble() <= 0);
            assertEquals(3, token.get("top_logprobs").size());
            assertTrue(token.get("top_logprobs").get(0).get("logprob").asDouble() >= token.get("logprob").asDouble());
        }
        assertEquals("stop", choice.get("finish_reason").asText());
        assertEquals(choice.get("message").get("content").asText(), text.toString(),
                "all of the text, and not its end");
        List<JsonNode> streamed = new ArrayList<>();
        stream("/v1/chat/completions", ask).forEach(e -> e.get("choices").get(0).path("logprobs").path("content")
                .forEach(streamed::add));
        assertEquals(content.size(), streamed.size());
        assertEquals(content.get(0), streamed.get(0));
        JsonNode lists = complete("\"max_tokens\":5,\"logprobs\":2,\"temperature\":0").get("choices").get(0).get(
                "logprobs");
        assertEquals(5, lists.get("tokens").size());
        assertEquals(0, lists.get("text_offset").get(0).asInt());
        assertEquals(lists.get("token_logprobs").get(0), lists.get("top_logprobs").get(0).get(
                lists.get("tokens").get(0).asText()), "greedy takes the likeliest");
        JsonNode probabilities = server.ok("/completion", "{" + PROMPT + ",\"n_predict\":3,\"n_probs\":2}")
                .get("completion_probabilities");
        assertEquals(3, probabilities.size());
        assertTrue(probabilities.get(0).has("id"));
        assertEquals("top_logprobs", server.post(400, "/v1/chat/completions", "{" + MESSAGES + ",\"top_logprobs\":3}")
                .get("error").get("param").asText());
    }

    @Test
    void addsBiases() {
        int cat = server.ok("/tokenize", "{\"content\":\" cat\"}").get("tokens").get(0).asInt();
        assertEquals(" cat cat cat", text(complete("\"max_tokens\":3,\"temperature\":0,\"logit_bias\":{\"" + cat
                + "\":100}")));
        String greedy = "\"max_tokens\":1,\"temperature\":0";
        JsonNode without = complete(greedy + ",\"logprobs\":1");
        int first = server.ok("/completion", "{" + PROMPT + ",\"n_predict\":1,\"temperature\":0}").get("tokens").get(0)
                .asInt();
        assertNotEquals(text(without), text(complete(greedy + ",\"logit_bias\":{\"" + first + "\":-100}")));
    }

    @Test
    void writesWhatASchemaAsks() {
        String schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":10},"
                + "\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":120},\"pet\":{\"enum\":[\"cat\",\"dog\"]}},"
                + "\"required\":[\"name\",\"age\",\"pet\"],\"additionalProperties\":false}";
        for (int seed = 0; seed < 6; seed++) {
            JsonNode json = server.ok("/v1/chat/completions", "{" + MESSAGES
                    + ",\"max_tokens\":60,\"temperature\":1.5,\"seed\":"
                    + seed
                    + ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"person\",\"schema\":"
                    + schema + "}}}");
            JsonNode value = TestServer.json(json.get("choices").get(0).get("message").get("content").asText());
            assertEquals(3, value.size(), value::toString);
            assertTrue(value.get("age").isInt() && value.get("age").asInt() <= 120, value::toString);
            assertTrue(List.of("cat", "dog").contains(value.get("pet").asText()), value::toString);
        }
        JsonNode any = server.ok("/v1/completions", "{" + PROMPT
                + ",\"max_tokens\":40,\"response_format\":{\"type\":\"json_object\"}}");
        assertTrue(TestServer.json(text(any)).isObject());
        JsonNode error = server.post(400, "/v1/completions", "{" + PROMPT + ",\"json_schema\":{\"type\":\"elephant\"}}")
                .get("error");
        assertEquals("json_schema", error.get("param").asText());
        assertTrue(error.get("message").asText().contains("elephant"), error::toString);
        JsonNode tools = server.post(400, "/v1/chat/completions", "{" + MESSAGES
                + ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}").get("error");
        assertEquals("tools", tools.get("param").asText(), "this model's template knows of none");
    }

    @Test
    void saysWhatIsTooLong() {
        JsonNode error = server.post(400, "/v1/chat/completions",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"" + "cat ".repeat(2000) + "\"}]}").get("error");
        assertEquals("context_length_exceeded", error.get("code").asText());
        assertEquals("messages", error.get("param").asText());
        assertTrue(error.get("message").asText().contains("256"), error::toString);
        assertEquals("request_too_large", server.post(413, "/v1/completions",
                "{\"prompt\":\"" + "x".repeat(2 << 20) + "\"}").get("error").get("code").asText());
    }

    @Test
    void endsWhereTheContextEnds() {
        JsonNode json = complete("\"ignore_eos\":true,\"seed\":2,\"max_tokens\":5000");
        assertEquals("length", json.get("choices").get(0).get("finish_reason").asText());
        assertEquals(257, json.get("usage").get("total_tokens").asInt(),
                "each position, and the token behind the last");
    }
}
