package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The {@code serve} command as a process, and what it refuses. */
class ServeCommandTest {

    private static final Pattern URL = Pattern.compile("(http://\\S+) answers");

    private static Process serve(Map<String, String> environment, String... arguments) throws IOException {
        return serve(List.of(), environment, arguments);
    }

    /** Starts the command in a process of its own. */
    static Process serve(List<String> jvm, Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of("src", "main", "jvm", "gambit.jvmopts")));
        command.addAll(jvm);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName(), "serve"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().putAll(environment);
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
        return builder.start();
    }

    @Test
    @Timeout(200)
    void answersUntilItIsToldToEndAndThenLetsARequestComeToItsEnd() throws Exception {
        Process process = serve(Map.of("LLAMA_ARG_PORT", "0", "LLAMA_API_KEY", "secret"), "--alias", "tiny", "-t", "2",
                "-c", "700", "-np", "3", "--drain", "150");
        try (HttpClient client = HttpClient.newHttpClient();
                BufferedReader err = new BufferedReader(
                        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            StringBuilder said = new StringBuilder();
            String url = null;
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                said.append(line).append('\n');
                Matcher m = URL.matcher(line);
                url = m.find() ? m.group(1) : url;
                if (line.contains("ready:")) {
                    break;
                }
            }
            assertTrue(said.toString().contains("3 slots of 256 tokens"), said.toString());
            assertTrue(url != null && url.startsWith("http://127.0.0.1:"), said.toString());
            HttpRequest.Builder ask = HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                    .header("Authorization", "Bearer secret");
            CompletableFuture<HttpResponse<String>> answer = client.sendAsync(ask.POST(HttpRequest.BodyPublishers
                    .ofString(
                            "{\"prompt\":\"Once upon a time\",\"ignore_eos\":true,\"max_tokens\":80,\"stream\":true}"))
                    .build(),
                    HttpResponse.BodyHandlers.ofString());
            String slots = "";
            while (!slots.contains("\"is_processing\":true")) {
                slots = client.send(HttpRequest.newBuilder(URI.create(url + "/slots"))
                        .header("Authorization", "Bearer secret").build(), HttpResponse.BodyHandlers.ofString()).body();
            }
            process.toHandle().destroy(); // SIGTERM; the process itself would close what it says
            HttpResponse<String> response = answer.get(150, TimeUnit.SECONDS);
            assertEquals(200, response.statusCode());
            assertTrue(response.body().endsWith("data: [DONE]\n\n"), response.body());
            assertTrue(response.body().contains("\"model\":\"tiny\""));
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                said.append(line).append('\n');
            }
            assertTrue(process.waitFor(30, TimeUnit.SECONDS), said.toString());
            assertEquals(0, process.exitValue(), said.toString());
            assertFalse(said.toString().contains("\tat "), said.toString());
        } finally {
            process.destroyForcibly();
        }
    }

    /** What llama-server's /slots says for the same options. */
    @Test
    void dividesTheContextAsLlamaServerDoes() {
        assertEquals(512, ServeCommand.slotContext(1000, 3));
        assertEquals(256, ServeCommand.slotContext(1024, 4));
        assertEquals(2048, ServeCommand.slotContext(32768, 16));
        assertEquals(1024, ServeCommand.slotContext(1024, 1));
    }

    @Test
    void saysInOneLineWhatItCannotUse() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            Run run = Run.of("serve", "--port", Integer.toString(taken.getLocalPort()));
            assertEquals(2, run.status());
            assertTrue(run.err().contains("--port " + taken.getLocalPort()), run.err());
            assertEquals(1, run.err().lines().count(), run.err());
        }
        for (String[] wrong : new String[][] {{"--port", "70000"}, {"--parallel", "0"}, {"--api-key", " , "},
            {"--queue", "-1"}, {"--timeout", "0"}, {"--host", "no such host"}, {"--port", "0", "-m",
                "/no/file.gguf"}}) {
            String[] args = new String[wrong.length + 1];
            args[0] = "serve";
            System.arraycopy(wrong, 0, args, 1, wrong.length);
            Run run = Run.of(args);
            assertEquals(2, run.status(), List.of(wrong) + run.err());
            assertTrue(run.err().contains("expected"), run.err());
            assertFalse(run.err().contains("\tat "), run.err());
        }
    }
}
