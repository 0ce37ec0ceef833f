package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Who gets a slot when, and what becomes of those who leave. */
class SchedulingTest {

    /** Hundreds of tokens: long enough to be in the middle of. */
    private static final String LONG =
            "{\"prompt\":\"Once upon a time\",\"ignore_eos\":true,\"seed\":1,\"max_tokens\":230";

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        for (int i = 0; i < 600 && !condition.getAsBoolean(); i++) {
            Thread.sleep(20);
        }
        assertTrue(condition.getAsBoolean(), what);
    }

    private static int busy(TestServer server) {
        int busy = 0;
        for (JsonNode slot : TestServer.json(server.get("/slots").body())) {
            busy += slot.get("is_processing").asBoolean() ? 1 : 0;
        }
        return busy;
    }

    private static CompletableFuture<HttpResponse<String>> later(TestServer server, String body) {
        return CompletableFuture.supplyAsync(() -> server.post("/v1/completions", body), SchedulingTest::start);
    }

    private static void start(Runnable task) {
        Thread.ofVirtual().start(task);
    }

    private static Socket begin(TestServer server, String fields) throws IOException {
        Socket socket = new Socket("127.0.0.1", server.port());
        byte[] body = (LONG + fields + "}").getBytes(StandardCharsets.UTF_8);
        socket.getOutputStream().write(("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length
                + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().write(body);
        return socket;
    }

    @Test
    void freesTheSlotOfAClientThatGoesAway() throws Exception {
        try (TestServer server = new TestServer(TestServer.options(1, 4))) {
            for (String fields : new String[] {",\"stream\":true", ",\"stream\":false"}) {
                Socket socket = begin(server, fields);
                await("it is worked on", () -> busy(server) == 1);
                int decoded = TestServer.json(server.get("/slots").body()).get(0).get("next_token").get("n_decoded")
                        .asInt();
                socket.close();
                await("its slot is free", () -> busy(server) == 0);
                int last = TestServer.json(server.get("/slots").body()).get(0).get("next_token").get("n_decoded")
                        .asInt();
                assertTrue(last < 230, "it was not generated to its end: " + decoded + " then " + last);
            }
            assertTrue(server.get("/metrics").body().contains("gambit_requests_abandoned_total 1")
                    || server.get("/metrics").body().contains("gambit_requests_abandoned_total 2"));
            server.ok("/v1/completions", "{\"prompt\":\"A\",\"max_tokens\":2}");
        }
    }

    @Test
    void answers429WhereTheQueueIsFullAndLeavesNobodyElseOut() throws Exception {
        try (TestServer server = new TestServer(TestServer.options(1, 2))) {
            Socket first = begin(server, ",\"stream\":true");
            await("one is worked on", () -> busy(server) == 1);
            var second = later(server, "{\"prompt\":\"One\",\"max_tokens\":3}");
            var third = later(server, "{\"prompt\":\"Two\",\"max_tokens\":3}");
            await("two wait", () -> server.get("/metrics").body().contains("gambit_requests_deferred 2"));
            JsonNode error = server.post(429, "/v1/completions", "{\"prompt\":\"Three\",\"max_tokens\":3}").get(
                    "error");
            assertEquals("rate_limit_exceeded", error.get("code").asText());
            first.close();
            assertEquals(200, second.join().statusCode());
            assertEquals(200, third.join().statusCode());
        }
    }

    @Test
    void sameSeedSameTextAloneAndBesideFifteenOthers() {
        String asked =
                "{\"prompt\":\"Once upon a time there was a\",\"max_tokens\":16,\"temperature\":1.0,\"seed\":42}";
        try (TestServer server = new TestServer(TestServer.options(16, 64))) {
            String alone = server.ok("/v1/completions", asked).get("choices").toString();
            List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                all.add(later(server, i % 4 == 1 ? asked
                        : "{\"prompt\":\"The " + "old ".repeat(i % 8) + "dog\",\"max_tokens\":16,\"seed\":" + i + "}"));
            }
            for (int i = 0; i < 16; i++) {
                HttpResponse<String> response = all.get(i).join();
                assertEquals(200, response.statusCode(), response::body);
                if (i % 4 == 1) {
                    assertEquals(alone, TestServer.json(response.body()).get("choices").toString());
                }
            }
        }
    }

    @Test
    void evaluatesASharedBeginningOnceAndWritesTheSameText() {
        String system = "{\"role\":\"system\",\"content\":\"" + "You tell stories about animals. ".repeat(16) + "\"}";
        String ask = "{\"max_tokens\":16,\"seed\":9,\"temperature\":1.0,\"messages\":[" + system
                + ",{\"role\":\"user\",\"content\":\"%s\"}]%s}";
        try (TestServer server = new TestServer(TestServer.options(2, 64))) {
            JsonNode fresh = server.ok("/v1/chat/completions", ask.formatted("A story about a cat and a boat.", ""));
            assertEquals(0, fresh.get("timings").get("cache_n").asInt());
            server.ok("/v1/chat/completions", ask.formatted("A story about a dog.", ""));
            JsonNode again = server.ok("/v1/chat/completions", ask.formatted("A story about a cat and a boat.", ""));
            int prompt = again.get("usage").get("prompt_tokens").asInt();
            int cached = again.get("usage").get("prompt_tokens_details").get("cached_tokens").asInt();
            assertTrue(cached > prompt / 2, cached + " of " + prompt);
            assertEquals(fresh.get("choices"), again.get("choices"));
            JsonNode without = server.ok("/v1/chat/completions",
                    ask.formatted("A story about a cat and a boat.", ",\"cache_prompt\":false"));
            assertEquals(0, without.get("timings").get("cache_n").asInt());
            assertEquals(fresh.get("choices"), without.get("choices"));
        }
    }

    @Test
    void drainsWhatRunsAndRefusesTheRest() throws Exception {
        try (TestServer server = new TestServer(TestServer.options(1, 4))) {
            Socket socket = begin(server, ",\"stream\":true");
            await("it is worked on", () -> busy(server) == 1);
            var waiting = later(server, "{\"prompt\":\"One\",\"max_tokens\":3}");
            await("one waits", () -> server.get("/metrics").body().contains("gambit_requests_deferred 1"));
            Thread drain = Thread.ofVirtual().start(server.server::drain);
            assertEquals(503, waiting.join().statusCode());
            JsonNode error = server.post(503, "/v1/completions", "{\"prompt\":\"One\",\"max_tokens\":3}").get("error");
            assertEquals("shutting_down", error.get("code").asText());
            assertEquals(503, server.get("/health").statusCode());
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(),
                    StandardCharsets.UTF_8));
            String line = in.readLine();
            boolean done = false;
            while (line != null && !done) {
                done = line.equals("data: [DONE]");
                line = in.readLine();
            }
            assertTrue(done, "what ran came to its end");
            drain.join();
            socket.close();
        }
    }

    @Test
    void endsWhatTakesTooLongToDrain() throws Exception {
        ServerOptions o = TestServer.options(1, 4);
        ServerOptions hasty = new ServerOptions(o.host(), 0, o.apiKeys(), null, 1, 4, o.maxBody(), o.timeout(),
                o.ioTimeout(), java.time.Duration.ZERO, -1, false);
        try (TestServer server = new TestServer(hasty)) {
            var running = later(server, LONG + "}");
            await("it is worked on", () -> busy(server) == 1);
            server.server.drain();
            HttpResponse<String> response = running.join();
            assertEquals(503, response.statusCode());
            assertEquals("shutting_down", TestServer.json(response.body()).get("error").get("code").asText());
        }
    }

    @Test
    void endsATextWhereItsTimeIsOver() {
        ServerOptions o = TestServer.options(1, 4);
        ServerOptions hasty = new ServerOptions(o.host(), 0, o.apiKeys(), null, 1, 4, o.maxBody(),
                java.time.Duration.ofMillis(150), o.ioTimeout(), o.drain(), -1, false);
        try (TestServer server = new TestServer(hasty)) {
            JsonNode json = server.ok("/v1/completions", LONG + "}");
            assertEquals("length", json.get("choices").get(0).get("finish_reason").asText());
            assertTrue(json.get("usage").get("completion_tokens").asInt() < 230);
        }
    }
}
