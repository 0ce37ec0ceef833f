package dev.gambit.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The Spring Boot example as a process: its jar starts, tells a story and ends when it is told to. */
@Timeout(120)
class SpringBootIT {

    private static final Pattern PORT = Pattern.compile("Tomcat started on port (\\d+)");

    @Test
    void theExampleStartsAnswersAndEnds(@TempDir Path temporary) throws Exception {
        Path jar = Path.of("../examples/spring-boot/target/spring-boot-example.jar");
        assertTrue(Files.exists(jar), "not built: " + jar);
        Process process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@../app/src/main/jvm/gambit.jvmopts",
                "-Djava.io.tmpdir=" + temporary,
                "-jar", jar.toString(),
                "--server.port=0")
                        .redirectErrorStream(true)
                        .start();
        StringBuilder log = new StringBuilder();
        try (BufferedReader lines = process.inputReader(); HttpClient client = HttpClient.newHttpClient()) {
            String port = null;
            for (String line; port == null && (line = lines.readLine()) != null;) {
                log.append(line).append('\n');
                Matcher found = PORT.matcher(line);
                port = found.find() ? found.group(1) : null;
            }
            assertTrue(port != null, log.toString());
            URI story = URI.create("http://localhost:" + port + "/story?about=a+fox");
            List<String> events = client.send(HttpRequest.newBuilder(story).build(), BodyHandlers.ofLines()).body()
                    .toList();
            assertTrue(events.stream().filter(line -> line.startsWith("data:{\"text\":")).count() > 10, events
                    .toString());
            assertTrue(events.contains("event:end"), events.toString());

            process.toHandle().destroy(); // SIGTERM; Process.destroy would close its output, too
            lines.lines().forEach(line -> log.append(line).append('\n'));
            assertTrue(process.waitFor(30, TimeUnit.SECONDS), log.toString());
            assertEquals(143, process.exitValue(), log.toString());
            assertFalse(log.toString().contains("Exception"), log.toString());
            try (var left = Files.list(temporary)) {
                assertEquals(List.of(), left.filter(path -> path.getFileName().toString().startsWith("gambit"))
                        .toList());
            }
        } finally {
            process.destroyForcibly();
        }
    }
}
