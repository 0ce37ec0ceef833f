package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The page at {@code /} in a headless Chromium, spoken to in its DevTools protocol. */
@Timeout(120)
class BrowserIT {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static Path chromium() {
        return Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    @Test
    void aChatStreamsAndTheFiguresMove(@TempDir Path profile) throws Exception {
        Images.requireEngine();
        Path chromium = chromium();
        assumeTrue(chromium != null, "no chromium in /usr/bin");
        String page = ServerContainer.shared().url() + "/";
        Process browser = new ProcessBuilder(chromium.toString(), "--headless=new", "--no-sandbox", "--disable-gpu",
                "--remote-debugging-port=0", "--user-data-dir=" + profile.resolve("profile"), "about:blank")
                        .redirectErrorStream(true)
                        .start();
        try (Tab tab = new Tab(browser, page)) {
            tab.until("document.getElementById('model')?.textContent.includes('fable') === true",
                    "the page knows the model");
            tab.value("document.getElementById('text').value = 'Tell me a story.';"
                    + "document.getElementById('most').value = 40; document.getElementById('ask').requestSubmit()");
            tab.until("document.getElementById('messages').lastElementChild?.textContent.length > 20",
                    "an answer comes");
            tab.until("/[0-9]/.test(document.getElementById('speed').textContent)"
                    + " && /[0-9]/.test(document.getElementById('read').textContent)", "figures are shown");
        } finally {
            browser.destroy();
            if (!browser.waitFor(10, TimeUnit.SECONDS)) {
                browser.destroyForcibly().waitFor();
            }
        }
    }

    /** A page in the browser. */
    private static final class Tab implements AutoCloseable, WebSocket.Listener {

        private final HttpClient client = HttpClient.newHttpClient();
        private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        private final StringBuilder part = new StringBuilder();
        private final WebSocket socket;
        private int calls;

        Tab(Process browser, String page) throws Exception {
            BufferedReader lines = browser.inputReader();
            String line = lines.readLine();
            while (line != null && !line.startsWith("DevTools listening on ws://")) {
                line = lines.readLine();
            }
            assertTrue(line != null, "Chromium did not start");
            String address = line.replaceFirst(".*ws://([^/]*)/.*", "$1");
            URI open = URI.create("http://" + address + "/json/new?" + URLEncoder.encode(page, StandardCharsets.UTF_8));
            JsonNode tab = JSON.readTree(client.send(
                    HttpRequest.newBuilder(open).PUT(BodyPublishers.noBody()).build(), BodyHandlers.ofString()).body());
            socket = client.newWebSocketBuilder()
                    .buildAsync(URI.create(tab.get("webSocketDebuggerUrl").asText()), this)
                    .join();
        }

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            part.append(data);
            if (last) {
                answers.add(part.toString());
                part.setLength(0);
            }
            from.request(1);
            return null;
        }

        /** Evaluates JavaScript. */
        JsonNode value(String script) throws Exception {
            int id = ++calls;
            socket.sendText(JSON.createObjectNode().put("id", id).put("method", "Runtime.evaluate")
                    .<JsonNode>set("params", JSON.createObjectNode().put("expression", script).put("returnByValue",
                            true))
                    .toString(), true).join();
            while (true) {
                String answer = answers.poll(20, TimeUnit.SECONDS);
                assertTrue(answer != null, "no answer from the browser to " + script);
                JsonNode json = JSON.readTree(answer);
                if (json.path("id").asInt() == id) {
                    assertTrue(json.at("/result/exceptionDetails").isMissingNode(), answer);
                    return json.at("/result/result/value");
                }
            }
        }

        void until(String condition, String what) throws Exception {
            for (int i = 0; i < 150; i++) {
                if (value("!!(document.readyState === 'complete' && (" + condition + "))").asBoolean()) {
                    return;
                }
                Thread.sleep(200);
            }
            throw new AssertionError(what + ": not within 30 s; the page says " + value("document.body?.innerText"));
        }

        @Override
        public void close() {
            socket.abort();
            client.shutdownNow();
        }
    }
}
