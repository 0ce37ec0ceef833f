package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.DockerClient;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.InternalServerException;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testcontainers.containers.wait.strategy.Wait;

/** A server's life: clients that come and go, and ends that are wanted and not. */
@Timeout(180)
class LifecycleContainerIT {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @BeforeAll
    static void engine() {
        Images.requireEngine();
    }

    private static HttpRequest story(URI chat, int tokens, boolean stream) {
        return HttpRequest.newBuilder(chat)
                .timeout(Duration.ofSeconds(120))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString("""
                        {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": %d, "stream": %b,
                         "ignore_eos": true}""".formatted(tokens, stream)))
                .build();
    }

    private static URI chat(ServerContainer server) {
        return server.page("/v1/chat/completions");
    }

    private static void answers(ServerContainer server) throws Exception {
        HttpResponse<String> response = CLIENT.send(story(chat(server), 4, false), BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response.body());
        assertFalse(JSON.readTree(response.body()).at("/choices/0/message/content").asText().isEmpty());
    }

    /** Waits until no slot of the server is at work. */
    private static void assertIdleSoon(ServerContainer server) throws Exception {
        String slots = "";
        for (int i = 0; i < 100; i++) {
            slots = CLIENT.send(HttpRequest.newBuilder(server.page("/slots")).build(), BodyHandlers.ofString()).body();
            boolean idle = true;
            for (JsonNode slot : JSON.readTree(slots)) {
                idle &= !slot.get("is_processing").asBoolean();
            }
            if (idle) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("slots are still at work 10 s after their clients have gone: " + slots);
    }

    @Test
    void sixteenClientsOfWhomHalfGoAway() throws Exception {
        ServerContainer server = ServerContainer.shared();
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> all = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                boolean leaves = i % 2 == 0;
                int number = i;
                all.add(clients.submit(() -> leaves ? leave(server, 1 + number) : stay(server)));
            }
            for (int i = 0; i < 16; i++) {
                assertTrue(all.get(i).get() > 0, "client " + i);
            }
        }
        assertIdleSoon(server);
        answers(server);
    }

    /** Reads some events and closes the connection. */
    private static int leave(ServerContainer server, int events) throws Exception {
        try (HttpClient own = HttpClient.newHttpClient()) {
            HttpResponse<Stream<String>> response = own.send(story(chat(server), 1000, true), BodyHandlers.ofLines());
            int read = (int) response.body().filter(line -> line.startsWith("data: ")).limit(events).count();
            response.body().close();
            own.shutdownNow();
            return read;
        }
    }

    /** Reads to the end, and that has to be there. */
    private static int stay(ServerContainer server) throws Exception {
        HttpResponse<Stream<String>> response = CLIENT.send(story(chat(server), 32, true), BodyHandlers.ofLines());
        List<String> events = response.body().filter(line -> line.startsWith("data: ")).toList();
        assertEquals("data: [DONE]", events.getLast());
        return events.size();
    }

    @Test
    void aSlowReaderHoldsUpNobodyElse() throws Exception {
        ServerContainer server = ServerContainer.shared();
        String body =
                """
                        {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 400, "stream": true, "ignore_eos": true}""";
        try (Socket slow = new Socket()) {
            slow.setReceiveBufferSize(2048);
            slow.connect(new java.net.InetSocketAddress(server.getHost(), chat(server).getPort()));
            slow.getOutputStream().write(
                    ("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            + "Content-Length: " + body.length() + "\r\nConnection: close\r\n\r\n" + body).getBytes(
                                    StandardCharsets.UTF_8));
            InputStream in = slow.getInputStream();
            assertEquals('H', in.read());
            for (int i = 0; i < 4; i++) {
                answers(server);
                Thread.sleep(250);
                assertNotEquals(-1, in.read(), "the slow reader is still served");
            }
            String rest = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(rest.contains("data: [DONE]"), "the slow reader got everything in the end");
        }
    }

    @Test
    void killedHardItStartsAgain() {
        try (ServerContainer server = new ServerContainer()) {
            server.start();
            DockerClient docker = server.getDockerClient();
            docker.killContainerCmd(server.getContainerId()).withSignal("KILL").exec();
            docker.waitContainerCmd(server.getContainerId()).start().awaitStatusCode();
            docker.startContainerCmd(server.getContainerId()).exec();
            // the port is another one now, which the container object does not know
            String port = docker.inspectContainerCmd(server.getContainerId()).exec().getNetworkSettings().getPorts()
                    .getBindings().values().iterator().next()[0].getHostPortSpec();
            URI health = URI.create("http://" + server.getHost() + ":" + port + "/health");
            assertTrue(eventually(health), "healthy after kill -9 and a start");
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static boolean eventually(URI health) throws InterruptedException {
        for (int i = 0; i < 120; i++) {
            try {
                if (CLIENT.send(HttpRequest.newBuilder(health).build(), BodyHandlers.discarding()).statusCode()
                        == 200) {
                    return true;
                }
            } catch (java.io.IOException e) {
                // not up yet
            }
            Thread.sleep(250);
        }
        return false;
    }

    @Test
    void toldToEndItFinishesWhatItHasBegun() throws Exception {
        try (ServerContainer server = new ServerContainer()) {
            server.start();
            answers(server);
            HttpResponse<Stream<String>> running = CLIENT.send(story(chat(server), 300, true), BodyHandlers.ofLines());
            CompletableFuture<List<String>> events = CompletableFuture.supplyAsync(
                    () -> running.body().filter(line -> line.startsWith("data: ")).toList());
            Thread.sleep(200);
            server.getDockerClient().killContainerCmd(server.getContainerId()).withSignal("TERM").exec();
            List<String> all = events.get();
            assertEquals("data: [DONE]", all.getLast(), "what had begun was finished: " + all.size() + " events");
            int status = server.getDockerClient().waitContainerCmd(server.getContainerId()).start().awaitStatusCode();
            assertTrue(status == 0 || status == 143, "ended with " + status + ": " + server.getLogs());
            assertFalse(server.getLogs().contains("Exception"), server.getLogs());
        }
    }

    /** While the model loads, the server says so: 503, never another error, then 200. */
    @Test
    void whileItLoadsItSaysSo() throws Exception {
        Path model = smolLm2();
        try (ServerContainer server = new ServerContainer()) {
            if (model != null) { // the larger one where it is at hand, as it loads for longer
                server.withModel(model);
            }
            server.waitingFor(Wait.forLogMessage(".*", 1)); // do not wait for the server to be ready
            server.withCreateContainerCmdModifier(cmd -> cmd.getHostConfig().withNanoCPUs(500_000_000L));
            server.start();
            TreeSet<Integer> seen = new TreeSet<>();
            boolean told = false;
            for (int i = 0; i < 1200 && !seen.contains(200); i++) {
                try {
                    int status = CLIENT.send(
                            HttpRequest.newBuilder(server.page("/health")).build(), BodyHandlers.discarding())
                            .statusCode();
                    seen.add(status);
                    told |= status == 503 && !told && clientIsTold(server);
                } catch (java.io.IOException e) {
                    // it does not listen yet
                }
                Thread.sleep(50);
            }
            assertTrue(told || model == null, "OpenAI's client met no 503: " + seen);
            seen.removeAll(List.of(200, 503));
            assertEquals(new TreeSet<>(), seen, "other answers while loading: " + server.getLogs());
        }
    }

    /** Whether a request now is a 503 to OpenAI's client, as its own exception. */
    private static boolean clientIsTold(ServerContainer server) {
        OpenAIClient client =
                OpenAIOkHttpClient.builder().baseUrl(server.url() + "/v1").apiKey("none").maxRetries(0).build();
        try {
            client.chat().completions().create(
                    ChatCompletionCreateParams.builder().model("any").addUserMessage("Hello").maxCompletionTokens(1)
                            .build());
            return false; // it was loaded in between
        } catch (InternalServerException e) {
            assertEquals(503, e.statusCode());
            return true;
        } finally {
            client.close();
        }
    }

    private static Path smolLm2() {
        for (String folder : new String[] {"../shared", "../../shared"}) {
            Path file = Path.of(folder, "models", "SmolLM2-135M-Instruct.Q4_1.gguf").toAbsolutePath().normalize();
            if (Files.exists(file)) {
                return file;
            }
        }
        return null;
    }
}
