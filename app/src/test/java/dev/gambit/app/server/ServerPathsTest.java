package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every path, and what it answers. */
class ServerPathsTest {

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = new TestServer();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode get(String path) {
        HttpResponse<String> response = server.get(path);
        assertEquals(200, response.statusCode(), response::body);
        return TestServer.json(response.body());
    }

    @Test
    void isHealthyOnceTheModelIsThereAndUnavailableBefore() {
        assertEquals("ok", get("/health").get("status").asText());
        assertEquals("ok", get("/v1/health").get("status").asText());
        try (GambitServer loading = GambitServer.start(TestServer.options(1, 1))) {
            for (String path : new String[] {"/health", "/v1/models"}) {
                HttpResponse<String> response = server.send(HttpRequest.newBuilder(
                        java.net.URI.create(loading.url() + path)).build());
                assertEquals(503, response.statusCode());
                JsonNode error = TestServer.json(response.body()).get("error");
                assertEquals("Loading model", error.get("message").asText());
                assertEquals("unavailable_error", error.get("type").asText());
                assertTrue(response.headers().firstValue("Retry-After").isPresent());
            }
        }
    }

    @Test
    void listsItsModel() {
        JsonNode list = get("/v1/models");
        assertEquals("list", list.get("object").asText());
        String id = list.get("data").get(0).get("id").asText();
        assertEquals(list.get("data").get(0),
                get("/v1/models/" + id.replace(" ", "%20")));
        assertEquals(list, get("/models"));
        HttpResponse<String> other = server.get("/v1/models/gpt-9");
        assertEquals(404, other.statusCode());
        assertEquals("model_not_found", TestServer.json(other.body()).get("error").get("code").asText());
    }

    @Test
    void tokenizesThereAndBack() {
        String text = "A cat's 北京 tail\n";
        JsonNode tokens = server.ok("/tokenize", json("content", text)).get("tokens");
        assertTrue(tokens.size() > 3);
        assertEquals(text, server.ok("/detokenize", "{\"tokens\":" + tokens + "}").get("content").asText()
                .stripLeading());
        JsonNode pieces = server.ok("/tokenize",
                "{\"content\":\"cat 北\",\"with_pieces\":true,\"add_special\":true}").get("tokens");
        assertTrue(pieces.get(0).has("id"));
        boolean bytes = false;
        for (JsonNode piece : pieces) {
            bytes |= piece.get("piece").isArray();
        }
        assertTrue(bytes, "a letter that is spread over tokens comes as bytes: " + pieces);
    }

    private static String json(String field, String text) {
        return Json.text(Json.object().put(field, text));
    }

    @Test
    void appliesTheTemplate() {
        JsonNode prompt = server.ok("/apply-template",
                "{\"messages\":[{\"role\":\"developer\",\"content\":\"Be brief.\"},"
                        + "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},"
                        + "{\"type\":\"text\",\"text\":\"two\"}]}]}");
        assertEquals("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none\ntwo<|im_end|>\n"
                + "<|im_start|>assistant\n", prompt.get("prompt").asText());
    }

    @Test
    void tellsItsPropertiesAndSlots() {
        JsonNode props = get("/props");
        assertEquals(4, props.get("total_slots").asInt());
        assertEquals(256, props.get("default_generation_settings").get("n_ctx").asInt());
        assertEquals(0.5, props.get("sparsity").get("level").asDouble());
        JsonNode slots = get("/slots");
        assertEquals(4, slots.size());
        assertFalse(slots.get(3).get("is_processing").asBoolean());
    }

    @Test
    void tellsPrometheusWhatItDid() {
        server.ok("/v1/completions", "{\"prompt\":\"Once upon a time\",\"max_tokens\":5,\"seed\":1}");
        String metrics = server.get("/metrics").body();
        for (String name : new String[] {"prompt_tokens_total", "prompt_seconds_total", "tokens_predicted_total",
            "tokens_predicted_seconds_total", "prompt_tokens_seconds", "predicted_tokens_seconds",
            "requests_processing", "requests_deferred", "n_decode_total", "weight_bytes_read_total",
            "active_ratio", "bytes_ratio", "time_to_first_token_seconds_count"}) {
            assertTrue(value(metrics, "gambit_" + name) >= 0, name);
        }
        assertTrue(value(metrics, "gambit_tokens_predicted_total") >= 5);
        assertTrue(value(metrics, "gambit_bytes_ratio") < 1, "it ran sparsely");
        assertTrue(value(metrics, "gambit_weight_bytes_read_total") < value(metrics,
                "gambit_weight_bytes_dense_total"));
    }

    private static double value(String metrics, String name) {
        return metrics.lines().filter(l -> l.startsWith(name + " ")).findFirst()
                .map(l -> Double.parseDouble(l.substring(name.length() + 1)))
                .orElseThrow(() -> new AssertionError("no " + name + " in\n" + metrics));
    }

    /** A GPU that failed stays so: who watches is to start the server anew. */
    @Test
    void isNotHealthyWithAModelThatCannotGoOn() {
        try (TestServer sick = new TestServer(TestServer.options(1, 1), null, () -> "model.gguf: CUDA error 719")) {
            HttpResponse<String> response = sick.get("/health");
            assertEquals(503, response.statusCode());
            JsonNode error = TestServer.json(response.body()).get("error");
            assertEquals("model_failed", error.get("code").asText());
            assertTrue(error.get("message").asText().contains("719"), error::toString);
        }
    }

    @Test
    void hasAPageThatNeedsNothingElse() {
        HttpResponse<String> page = server.get("/");
        assertEquals("text/html; charset=utf-8", page.headers().firstValue("Content-Type").orElse(""));
        assertTrue(page.headers().firstValue("Content-Security-Policy").orElse("").startsWith("default-src 'self'"));
        for (String file : new String[] {"page.css", "page.js", "favicon.svg"}) {
            assertTrue(page.body().contains(file));
            assertEquals(200, server.get("/" + file).statusCode());
        }
        assertFalse(page.body().contains("://"), "nothing from elsewhere");
        HttpResponse<String> head = server.send(server.request("/")
                .method("HEAD", HttpRequest.BodyPublishers.noBody()).build());
        assertEquals(200, head.statusCode());
        assertEquals("", head.body());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/completions", "/v1/chat/completions", "/completion", "/tokenize"})
    void saysWhichMethodAPathTakes(String path) {
        HttpResponse<String> response = server.get(path);
        assertEquals(405, response.statusCode());
        assertEquals("POST", response.headers().firstValue("Allow").orElse(""));
        assertEquals("method_not_allowed", TestServer.json(response.body()).get("error").get("code").asText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/nothing", "/v1", "/../etc/passwd", "/page.js/..%2f..%2fx", "/v1/embeddings"})
    void saysWhatIsNotThere(String path) {
        HttpResponse<String> response = server.post(path, "{}");
        assertTrue(response.statusCode() == 404 || response.statusCode() == 400, response::body);
        assertEquals("invalid_request_error", TestServer.json(response.body()).get("error").get("type").asText());
    }

    @Test
    void wantsItsKey() {
        try (TestServer locked = new TestServer(TestServer.options(1, 1, "first", "second"))) {
            for (String path : new String[] {"/v1/models", "/metrics", "/slots", "/props", "/v1/models/x"}) {
                assertEquals(401, locked.get(path).statusCode(), path);
            }
            HttpResponse<String> wrong = locked.send(
                    locked.request("/v1/models").header("Authorization", "Bearer firs").build());
            assertEquals(401, wrong.statusCode());
            assertEquals("invalid_api_key", TestServer.json(wrong.body()).get("error").get("code").asText());
            assertEquals(401, locked.send(
                    locked.request("/v1/models").header("Authorization", "Basic Zmlyc3Q=").build()).statusCode());
            for (String key : new String[] {"first", "second"}) {
                assertEquals(200, locked.send(
                        locked.request("/v1/models").header("Authorization", "Bearer " + key).build()).statusCode());
            }
            assertEquals(200, locked.get("/health").statusCode());
            assertEquals(200, locked.get("/").statusCode());
        }
    }
}
