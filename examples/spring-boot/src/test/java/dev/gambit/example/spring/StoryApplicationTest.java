package dev.gambit.example.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** The service from its start to its end, over HTTP. */
@Timeout(120)
class StoryApplicationTest {

    private static final int CYCLES = 12;
    /** Cycles until the JVM itself (code, classes, the collector) has what it needs. */
    private static final int WARM_UP = 4;

    private static ConfigurableApplicationContext start() {
        SpringApplication application = new SpringApplication(StoryApplication.class);
        // Spring's own hook would be one thread more in each cycle, and the test closes the context itself.
        application.setRegisterShutdownHook(false);
        return application.run("--server.port=0", "--logging.level.root=warn");
    }

    private static URI story(ConfigurableApplicationContext service, String query) {
        return URI.create("http://localhost:" + service.getEnvironment().getProperty("local.server.port") + "/story"
                + query);
    }

    private static HttpResponse<Stream<String>> get(HttpClient client, URI uri) throws Exception {
        return client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofLines());
    }

    /** Reads the answer to its end, which closing the client waits for. */
    private static int status(HttpClient client, URI uri) throws Exception {
        return client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding()).statusCode();
    }

    @Test
    void aStoryStreamsAndBadRequestsAreTold() throws Exception {
        try (ConfigurableApplicationContext service = start(); HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<Stream<String>> response = get(client, story(service, "?about=a+cat"));
            assertEquals(200, response.statusCode());
            List<String> lines = response.body().toList();
            long pieces = lines.stream().filter(line -> line.startsWith("data:{\"text\":")).count();
            assertTrue(pieces > 10, "the story did not come in pieces: " + lines);
            assertTrue(lines.contains("event:end"), "it did not end: " + lines);

            assertEquals(400, status(client, story(service, "?about=" + "very+".repeat(3000) + "long")));
            assertEquals(200, status(client, story(service, "")), "the service went on");
        }
    }

    @Test
    void closingTheServiceWhileItTellsEndsTheStory() throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        try (client) {
            ConfigurableApplicationContext service = start();
            CompletableFuture<HttpResponse<Stream<String>>> running = client.sendAsync(
                    HttpRequest.newBuilder(story(service, "")).build(), BodyHandlers.ofLines());
            running.get().body().limit(3).forEach(line -> {});
            service.close();
            client.shutdownNow(); // the rest of the answer is nobody's
        }
        assertEquals(Set.of(), gambitThreads());
    }

    /** Opens and closes the whole service again and again, and looks at what each cycle leaves. */
    @Test
    void nothingIsLeftBehind() throws Exception {
        Set<String> before = threads();
        List<Long> native_ = new ArrayList<>();
        List<Long> resident = new ArrayList<>();
        for (int i = 0; i < CYCLES; i++) {
            try (ConfigurableApplicationContext service = start(); HttpClient client = HttpClient.newHttpClient()) {
                assertEquals(200, status(client, story(service, "")));
            }
            assertEquals(Set.of(), gambitThreads(), "threads of the model in cycle " + i);
            System.gc();
            native_.add(nativeOther());
            resident.add(residentKib());
        }
        Set<String> left = threads();
        left.removeAll(before);
        left.removeIf(StoryApplicationTest::ofTheJvm);
        assertEquals(Set.of(), left, "threads the service left behind");
        // 8 MB of weights and a cache of keys and values a cycle would be 100 MB by now
        long grown = native_.getLast() - native_.get(WARM_UP);
        assertTrue(grown < 4096, "native memory of kind Other grew by " + grown + " KiB: " + native_);
        long more = resident.getLast() - resident.get(WARM_UP);
        assertTrue(more < 64 * 1024, "the process grew by " + more + " KiB: " + resident);
    }

    /** Threads that the JVM and the JDK start once and keep. */
    private static boolean ofTheJvm(String name) {
        return name.matches(
                "(C[12] CompilerThread|Reference Handler|Finalizer|Signal Dispatcher|Common-Cleaner|Notification Thread"
                        + "|Attach Listener|process reaper|ForkJoinPool.*|HttpClient-\\d+-SelectorManager|VirtualThread-unparker"
                        + "|Keep-Alive.*|JNA Cleaner|Cleaner-\\d+|surefire.*|junit.*).*");
    }

    private static Set<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> gambitThreads() {
        return threads().stream().filter(name -> name.startsWith("gambit")).collect(Collectors.toSet());
    }

    /** KiB that the JVM's native memory tracking counts as Other, where arenas are; 0 where it is off. */
    private static long nativeOther() throws JMException {
        String text = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"),
                "vmNativeMemory",
                new Object[] {new String[] {"summary"}},
                new String[] {String[].class.getName()});
        Matcher other = Pattern.compile("Other \\(reserved=\\d+KB, committed=(\\d+)KB").matcher(text);
        assertTrue(other.find() || text.contains("Total"), "no native memory tracking: " + text);
        return other.reset().find() ? Long.parseLong(other.group(1)) : 0;
    }

    /** The process's memory, mappings of files left out; 0 where there is no /proc. */
    private static long residentKib() throws IOException {
        java.nio.file.Path status = java.nio.file.Path.of("/proc/self/status");
        if (!java.nio.file.Files.exists(status)) {
            return 0;
        }
        return java.nio.file.Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("RssAnon:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElse(0);
    }
}
