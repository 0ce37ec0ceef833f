package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Sparsity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/** A server with the built-in model on a free port, and a client. */
final class TestServer implements AutoCloseable {

    static final ObjectMapper MAPPER = new ObjectMapper();

    final GambitServer server;
    private final LanguageModel model;
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    TestServer(ServerOptions options) {
        this(options, null, null);
    }

    /**
     * @param sidecar thresholds; null for those that come with the model
     * @param failure says why the model cannot go on; null to ask the model
     */
    TestServer(ServerOptions options, Path sidecar, Supplier<String> failure) {
        server = GambitServer.start(options);
        model = EmbeddedModel.open(ModelOptions.builder().sparsity(new Sparsity(sidecar, null, 0.5)).densePrefill(true)
                .contextLength(256).threads(2).build());
        server.ready(model, new Defaults(SamplingOptions.builder().temperature(0.25f).build(), -1, 0.5, null),
                failure == null ? model::failure : failure);
    }

    TestServer() {
        this(options(4, 64));
    }

    static ServerOptions options(int parallel, int queue, String... keys) {
        return new ServerOptions("127.0.0.1", 0, List.of(keys), null, parallel, queue, 1 << 20,
                Duration.ofSeconds(60), Duration.ofSeconds(2), Duration.ofSeconds(10), -1, false);
    }

    int port() {
        return server.port();
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path)).timeout(Duration.ofSeconds(60));
    }

    HttpResponse<String> send(HttpRequest request) {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    HttpClient client() {
        return client;
    }

    HttpResponse<String> post(String path, String body) {
        return send(request(path).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    HttpResponse<String> get(String path) {
        return send(request(path).build());
    }

    /** Posts, and expects a status. */
    JsonNode post(int status, String path, String body) {
        HttpResponse<String> response = post(path, body);
        assertEquals(status, response.statusCode(), response::body);
        return json(response.body());
    }

    JsonNode ok(String path, String body) {
        return post(200, path, body);
    }

    static JsonNode json(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The data of a stream's events. */
    static List<String> events(String body) {
        return body.lines().filter(l -> !l.isEmpty()).map(l -> {
            assertEquals("data: ", l.substring(0, 6));
            return l.substring(6);
        }).toList();
    }

    /** Sends bytes as they are and returns what comes back until the connection ends, at most for some time. */
    String raw(byte[] bytes, int millis) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", port())) {
            socket.setSoTimeout(millis);
            try {
                socket.getOutputStream().write(bytes);
                socket.getOutputStream().flush();
            } catch (IOException e) {
                // the server may have had enough before all was sent; what it said can be read still
            }
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (java.net.SocketException e) {
            return ""; // closed at once
        }
    }

    @Override
    public void close() {
        client.close();
        server.close();
        model.close();
    }
}
