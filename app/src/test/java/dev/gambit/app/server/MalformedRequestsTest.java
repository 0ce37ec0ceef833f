package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Hundreds of requests that are wrong: each gets a 4xx that says why, or a closed connection, and the server goes on.
 */
class MalformedRequestsTest {

    private static final String COMPLETIONS = "/v1/completions";
    private static final String CHAT = "/v1/chat/completions";

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = new TestServer();
    }

    @AfterAll
    static void stop() {
        // after all of them it still does its work
        assertEquals(4, server.ok(COMPLETIONS, "{\"prompt\":\"Once upon a time\",\"max_tokens\":4,\"ignore_eos\":true}")
                .get("usage").get("completion_tokens").asInt());
        for (JsonNode slot : TestServer.json(server.get("/slots").body())) {
            assertFalse(slot.get("is_processing").asBoolean(), "no slot is lost: " + slot);
        }
        server.close();
    }

    /** Bodies that are no JSON object, on every path that takes one. */
    static Stream<Arguments> brokenBodies() {
        List<String> bodies = new ArrayList<>(List.of(
                "", " ", "{", "}", "[", "[]", "null", "true", "1", "\"text\"", "{\"prompt\"", "{\"prompt\":",
                "{\"prompt\":}",
                "{\"prompt\":\"a\"", "{\"prompt\":\"a\",}", "{'prompt':'a'}", "{prompt:\"a\"}", "{\"prompt\":\"a\"}}",
                "{\"prompt\":\"a\"} {\"prompt\":\"b\"}", "{\"prompt\":\"a\",\"prompt\":\"b\"}", "{\"prompt\":\"a\nb\"}",
                "{\"prompt\":\"\\x\"}", "{\"prompt\":\"\\u12\"}", "{\"prompt\":NaN}",
                "{\"temperature\":Infinity,\"prompt\":\"a\"}",
                "{\"temperature\":-Infinity}", "{\"prompt\":\"a\",\"seed\":01}", "{\"prompt\":\"a\",\"seed\":+1}",
                "{\"prompt\":\"a\",\"seed\":.5}", "{\"prompt\":\"a\",\"seed\":1e}", "{\"prompt\":\"a\" \"n\":1}",
                "{\"prompt\":undefined}", "// comment\n{}", "<xml/>", "prompt=a&n=1", "\uFEFF\uFEFF{}",
                "{\"prompt\":" + "[".repeat(5000) + "]".repeat(5000) + "}", "{\"a\":".repeat(5000) + "1" + "}".repeat(
                        5000),
                "{\"seed\":" + "9".repeat(5000) + "}", "{\"" + "k".repeat(5000) + "\":1}", "\0\0\0\0",
                "{\"prompt\":\"\0\"}",
                "{\"json_schema\":" + "{\"properties\":{\"a\":".repeat(400) + "{}" + "}}".repeat(400) + "}"));
        return bodies.stream().flatMap(b -> Stream.of(COMPLETIONS, CHAT).map(p -> Arguments.of(p, b)));
    }

    @ParameterizedTest
    @MethodSource("brokenBodies")
    void brokenJson(String path, String body) {
        refused(server.post(path, body));
    }

    @Test
    void saysLineAndColumn() {
        String message = server.post(400, COMPLETIONS, "{\"prompt\":\"a\",\n \"seed\": oops}").get("error").get(
                "message")
                .asText();
        assertTrue(message.contains("line 2") && message.contains("column"), message);
    }

    @Test
    void brokenUtf8() {
        for (byte[] bytes : new byte[][] {{(byte) 0xFF}, {(byte) 0xC3, 0x28}, {(byte) 0xE2, (byte) 0x28, (byte) 0xA1},
            {(byte) 0xF8, (byte) 0xA1, (byte) 0xA1, (byte) 0xA1, (byte) 0xA1}, {(byte) 0x80},
            {(byte) 0xC0, (byte) 0xAF}, {(byte) 0xE0, (byte) 0x80, (byte) 0xAF}, // longer than need be
            {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, // half of a pair
            {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80}, // above all characters
            {(byte) 0xF0, (byte) 0x9F, (byte) 0x98}}) { // cut off
            byte[] body = "{\"prompt\":\"ab\"}".getBytes(StandardCharsets.UTF_8);
            byte[] broken = new byte[body.length + bytes.length];
            System.arraycopy(body, 0, broken, 0, 12);
            System.arraycopy(bytes, 0, broken, 12, bytes.length);
            System.arraycopy(body, 12, broken, 12 + bytes.length, body.length - 12);
            refused(server.send(server.request(COMPLETIONS).POST(HttpRequest.BodyPublishers.ofByteArray(broken))
                    .build()));
        }
    }

    /** Values for each field, each of which is wrong there. */
    static Stream<Arguments> wrongFields() {
        Map<String, List<String>> wrong = new LinkedHashMap<>();
        wrong.put("max_tokens", List.of("-2", "1e300", "2147483648", "1.5", "\"5\"", "[]", "{}", "true",
                "99999999999999999999999999", "-9223372036854775808"));
        wrong.put("max_completion_tokens", List.of("-2", "1e300", "2147483648", "\"5\""));
        wrong.put("n_predict", List.of("-2", "-2147483649", "4294967296", "0.5", "[1]"));
        wrong.put("temperature", List.of("-1", "1e39", "1e400", "\"hot\"", "[1]", "101", "-1e400"));
        wrong.put("top_p", List.of("-0.1", "1.1", "\"all\"", "1e400"));
        wrong.put("min_p", List.of("2", "-1", "{}"));
        wrong.put("top_k", List.of("1.5", "-2", "2147483648", "\"k\""));
        wrong.put("seed", List.of("1.5", "9223372036854775808", "\"1\"", "1e30", "-1e30"));
        wrong.put("n", List.of("0", "-1", "129", "1000000000000", "\"two\"", "1.5"));
        wrong.put("repeat_penalty", List.of("0", "-1", "1e39", "\"x\""));
        wrong.put("repeat_last_n", List.of("-2", "1e20", "\"x\""));
        wrong.put("presence_penalty", List.of("1000", "\"x\"", "1e400"));
        wrong.put("frequency_penalty", List.of("-1000", "false", "1e400"));
        wrong.put("stop", List.of("5", "[5]", "{}", "[\"a\",null]", "[[\"a\"]]",
                "[\"" + "a\",\"".repeat(16) + "b\"]"));
        wrong.put("stream", List.of("1", "\"true\"", "[]"));
        wrong.put("stream_options", List.of("1", "[]", "{\"include_usage\":1}", "{\"include_usage\":true}",
                "{\"x\":1}"));
        wrong.put("model", List.of("1", "{}", "[\"a\"]"));
        wrong.put("ignore_eos", List.of("1", "\"no\""));
        wrong.put("cache_prompt", List.of("0", "\"no\""));
        wrong.put("sparsity", List.of("-0.1", "1", "0.99", "\"much\"", "[]", "1e400"));
        wrong.put("budget", List.of("-1", "\"x\"", "2", "[]"));
        wrong.put("response_format", List.of("1", "\"json\"", "{\"type\":\"xml\"}", "{\"type\":5}", "{}"));
        wrong.put("tools", List.of("5", "{}", "[5]", "\"x\""));
        wrong.put("json_schema", List.of("5", "\"x\"", "{\"type\":\"number\",\"minimum\":\"x\"}",
                "{\"$ref\":\"#/nowhere\"}", "{\"minLength\":-1}", "{\"type\":\"string\",\"minLength\":1e18}",
                "{\"type\":\"array\",\"minItems\":99999999999}", "{\"pattern\":\"(\"}", "{\"not\":{}}"));
        wrong.put("logit_bias", List.of("5", "[5]", "\"x\"", "{\"a\":1}", "{\"1\":\"x\"}", "{\"99999999\":1}"));
        wrong.put("top_logprobs", List.of("21", "-1", "\"x\"", "1.5"));
        wrong.put("suffix", List.of("\"x\"", "5"));
        wrong.put("best_of", List.of("5", "\"x\""));
        wrong.put("modalities", List.of("[\"audio\"]", "5"));
        wrong.put("nobody_knows_this", List.of("1"));
        return wrong.entrySet().stream().flatMap(e -> e.getValue().stream().map(v -> Arguments.of(e.getKey(), v)));
    }

    @ParameterizedTest
    @MethodSource("wrongFields")
    void wrongTypesAndRanges(String field, String value) {
        String rest = "\"" + field + "\":" + value + "}";
        for (HttpResponse<String> response : List.of(
                server.post(COMPLETIONS, "{\"prompt\":\"a\"," + rest),
                server.post(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]," + rest))) {
            JsonNode error = refused(response);
            assertTrue(error.get("param").asText().startsWith(field), error::toString);
            assertTrue(error.get("message").asText().contains(field), error::toString);
        }
    }

    @ParameterizedTest
    @MethodSource("wrongPrompts")
    void wrongPrompts(String path, String body) {
        JsonNode error = refused(server.post(path, body));
        assertTrue(error.get("message").asText().contains("'"), error::toString);
    }

    static Stream<Arguments> wrongPrompts() {
        String image =
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                        + "\"image_url\":{\"url\":\"x\"}}]}]}";
        return Stream.concat(
                Stream.of("{}", "{\"prompt\":null}", "{\"prompt\":5}", "{\"prompt\":{}}", "{\"prompt\":[]}",
                        "{\"prompt\":[[]]}", "{\"prompt\":[1,\"a\"]}", "{\"prompt\":[\"a\",1]}", "{\"prompt\":[-1]}",
                        "{\"prompt\":[1e9]}", "{\"prompt\":[1.5]}", "{\"prompt\":[99999999999999999999]}",
                        "{\"prompt\":[true]}",
                        "{\"prompt\":[\"a\"" + ",\"a\"".repeat(200) + "]}", "{\"prompt\":[\"a\",\"b\"],\"n\":100}")
                        .map(b -> Arguments.of(COMPLETIONS, b)),
                Stream.concat(
                        Stream.of("{}", "{\"messages\":null}", "{\"messages\":5}", "{\"messages\":{}}",
                                "{\"messages\":[]}",
                                "{\"messages\":[5]}", "{\"messages\":[{}]}", "{\"messages\":[[]]}",
                                "{\"messages\":[{\"role\":\"user\"}]}", "{\"messages\":[{\"content\":\"a\"}]}",
                                "{\"messages\":[{\"role\":5,\"content\":\"a\"}]}",
                                "{\"messages\":[{\"role\":\"king\",\"content\":\"a\"}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":5}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":[5]}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"name\":5}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"x\":5}]}",
                                "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":[{}]}]}", image)
                                .map(b -> Arguments.of(CHAT, b)),
                        Stream.of("{}", "{\"content\":5}", "{\"content\":\"a\",\"x\":1}",
                                "{\"content\":\"a\",\"add_special\":5}")
                                .map(b -> Arguments.of("/tokenize", b))));
    }

    @Test
    void wrongTokensToDecode() {
        for (String body : List.of("{}", "{\"tokens\":5}", "{\"tokens\":[-1]}", "{\"tokens\":[1e12]}",
                "{\"tokens\":[\"a\"]}", "{\"tokens\":[null]}")) {
            refused(server.post("/detokenize", body));
        }
    }

    private static JsonNode refused(HttpResponse<String> response) {
        assertTrue(response.statusCode() >= 400 && response.statusCode() < 500,
                () -> response.statusCode() + " " + response.body());
        JsonNode error = TestServer.json(response.body()).get("error");
        assertEquals("invalid_request_error", error.get("type").asText());
        String message = error.get("message").asText();
        assertTrue(message.length() > 10 && message.length() < 600 && !message.contains("\n"), message);
        for (String inside : List.of("Exception", "com.fasterxml", "java.", "\tat ", "StreamReadConstraints")) {
            assertFalse(message.contains(inside), message);
        }
        return error;
    }

    // Below what a client library would send.

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static void refusedOrClosed(String answer) {
        if (!answer.isEmpty()) {
            assertTrue(answer.startsWith("HTTP/1.1 4"), answer);
            assertFalse(answer.contains("\tat "), answer);
            int body = answer.indexOf("\r\n\r\n");
            String json = answer.substring(answer.indexOf('{', body), answer.lastIndexOf('}') + 1);
            assertTrue(TestServer.json(json).get("error").get("message").asText().length() > 10, answer);
        }
    }

    @Test
    void noHttpAtAll() throws IOException {
        for (String text : List.of("BROKEN\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "\u0016\u0003\u0001\u0002\0\1\0",
                "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nhello")) {
            refusedOrClosed(server.raw(ascii(text), 10_000));
        }
    }

    @Test
    void headersWithoutEnd() throws IOException {
        refusedOrClosed(server.raw(ascii("GET / HTTP/1.1\r\nHost: x\r\nX: " + "a".repeat(100_000) + "\r\n\r\n"),
                10_000));
        refusedOrClosed(server.raw(ascii("GET / HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n".repeat(100_000) + "\r\n"),
                10_000));
        refusedOrClosed(server.raw(ascii("GET /" + "a".repeat(100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n"), 10_000));
        refusedOrClosed(server.raw(ascii("A".repeat(100_000)), 10_000));
    }

    @Test
    void bodiesThatDoNotCome() throws IOException {
        String head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"prompt\":";
        String answer = server.raw(ascii(head), 10_000);
        assertTrue(answer.startsWith("HTTP/1.1 408"), answer);
        assertTrue(answer.contains("request_timeout"), answer);
        refusedOrClosed(server.raw(ascii(
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"),
                10_000));
        refusedOrClosed(server.raw(ascii("POST /v1/compl"), 10_000));
        // more than is allowed, announced and not announced
        refusedOrClosed(server.raw(ascii(
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n{"),
                10_000));
        refusedOrClosed(server.raw(ascii(
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + ("10000\r\n" + "x".repeat(65536) + "\r\n").repeat(20)), 10_000));
    }

    /** A few hundred clients that begin a request and leave it there: others are served meanwhile. */
    @Test
    void manyRequestsThatAreNeverFinished() throws IOException {
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < 300; i++) {
                Socket socket = new Socket("127.0.0.1", server.port());
                sockets.add(socket);
                socket.getOutputStream().write(ascii(switch (i % 3) {
                    case 0 -> "POST /v1/completions HTT";
                    case 1 -> "POST /v1/completions HTTP/1.1\r\nHost: x\r\nX-A: b\r\n";
                    default -> "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"prompt\"";
                }));
            }
            assertEquals(200, server.get("/health").statusCode());
            server.ok(COMPLETIONS, "{\"prompt\":\"Once\",\"max_tokens\":2}");
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void bodiesThatComeDropByDrop() throws IOException {
        long start = System.nanoTime();
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            OutputStream out = socket.getOutputStream();
            out.write(ascii("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"));
            socket.setSoTimeout(500);
            int answer = -2;
            while (answer == -2 && System.nanoTime() - start < 20_000_000_000L) {
                out.write('{');
                out.flush();
                try {
                    answer = socket.getInputStream().read();
                } catch (java.net.SocketTimeoutException e) {
                    // not yet
                }
            }
            assertEquals('H', answer, "an answer, though the body never paused for long");
        } catch (java.net.SocketException e) {
            // closed
        }
        assertTrue(System.nanoTime() - start < 15_000_000_000L);
    }

    @Test
    void clientsThatLeaveInTheMiddle() throws IOException {
        for (int i = 0; i < 20; i++) {
            try (Socket socket = new Socket("127.0.0.1", server.port())) {
                byte[] body = ascii("{\"prompt\":\"Once\",\"max_tokens\":400,\"stream\":true}");
                byte[] head = ascii("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length
                        + "\r\n\r\n");
                socket.getOutputStream().write(head);
                socket.getOutputStream().write(body, 0, i % 2 == 0 ? body.length : i);
                if (i % 4 == 0) {
                    socket.setSoLinger(true, 0); // a reset rather than an end
                }
            }
        }
    }
}
