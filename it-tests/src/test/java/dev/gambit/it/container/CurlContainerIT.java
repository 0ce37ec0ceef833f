package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** curl against the server in its image, with the very lines of docs/deploy.md. */
@Timeout(60)
class CurlContainerIT {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern LINES = Pattern.compile("^    (curl (?:.*\\\\\\n)*.*)$", Pattern.MULTILINE);

    private static ServerContainer server;

    @BeforeAll
    static void connect() {
        Images.requireEngine();
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/curl")), "no /usr/bin/curl on this machine");
        server = ServerContainer.shared();
    }

    private static String shell(String line) throws Exception {
        Process process = new ProcessBuilder("bash", "-c", line).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), line + ": " + output);
        return output;
    }

    /** The curl lines of the documentation, pointed at this server. */
    private static List<String> documented() throws IOException {
        List<String> lines = new ArrayList<>();
        Matcher found = LINES.matcher(Files.readString(Images.root().resolve("docs/deploy.md")));
        while (found.find()) {
            String line = found.group(1);
            if (line.contains("http://localhost:8080")) { // others speak to the Spring Boot example
                lines.add(line.replace("http://localhost:8080", server.url()));
            }
        }
        assertTrue(lines.size() >= 2, "curl lines in docs/deploy.md: " + lines);
        return lines;
    }

    @Test
    void theDocumentedLinesAnswer() throws Exception {
        boolean streamed = false;
        boolean whole = false;
        for (String line : documented()) {
            String output = shell(line.replace("curl ", "curl -sS "));
            if (line.contains("\"stream\": true")) {
                List<String> events = output.lines().filter(l -> l.startsWith("data: ")).toList();
                assertTrue(events.size() > 10, output);
                assertEquals("data: [DONE]", events.getLast());
                for (String event : events.subList(0, events.size() - 1)) {
                    assertNotNull(JSON.readTree(event.substring("data: ".length())).get("choices"), event);
                }
                streamed = true;
            } else if (line.contains("/v1/chat/completions")) {
                JsonNode answer = JSON.readTree(output);
                assertFalse(answer.at("/choices/0/message/content").asText().isBlank(), output);
                whole = true;
            } else {
                assertFalse(output.isBlank(), line);
            }
        }
        assertTrue(streamed && whole, "a streaming line and one that is not");
    }

    @Test
    void pagesThatOperatorsLookAt() throws Exception {
        assertEquals("ok", JSON.readTree(shell("curl -sSf " + server.url() + "/health")).get("status").asText());
        String metrics = shell("curl -sSf " + server.url() + "/metrics");
        assertTrue(metrics.contains("# TYPE gambit_"), metrics);
        assertTrue(shell("curl -sSf " + server.url() + "/").contains("<html"), "the page");
    }

    @Test
    void brokenRequestsAreToldWhatIsWrong() throws Exception {
        JsonNode error = JSON.readTree(shell("curl -sS -H 'Content-Type: application/json' -d '{\"messages\": [' "
                + server.url()
                + "/v1/chat/completions"));
        assertEquals("invalid_request_error", error.at("/error/type").asText(), error.toString());
        assertFalse(error.toString().contains("\tat "), "no stack trace leaves the server: " + error);
    }
}
