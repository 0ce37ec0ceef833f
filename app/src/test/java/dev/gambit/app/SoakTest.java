package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The short form of {@code benchmarks/soak.py}: 16 clients that read, read slowly, go away at any point, send half of a
 * request or rubbish. No error but the intended, the same answer to the same question, and a process that takes no more
 * memory and threads at the end than in the middle. For longer: {@code -Dgambit.test.soak=SECONDS}.
 */
class SoakTest {

    private static final int SECONDS = Integer.getInteger("gambit.test.soak", 40);
    private static final int CLIENTS = 16;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SYSTEM =
            "You tell stories about a small dog, a cat and their friend who live in a big house. "
                    .repeat(4);

    private final Queue<String> errors = new ConcurrentLinkedQueue<>();
    private final Map<Integer, String> answers = new ConcurrentHashMap<>();
    private final AtomicInteger[] counts = Stream.generate(AtomicInteger::new).limit(8).toArray(AtomicInteger[]::new);
    private HttpClient http;
    private URI base;
    private long end;

    @Test
    @Timeout(240)
    void servesClientsOfAllKinds() throws Exception {
        // a heap that is there from the start: what grows is not the collector's
        Process process = ServeCommandTest.serve(List.of("-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch"), Map.of(),
                "--port", "0", "-np", "8", "-t", "2");
        StringBuilder said = new StringBuilder();
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8);
                HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            http = client;
            String line = "";
            while (line != null && !line.contains("ready:")) {
                line = err.readLine();
                said.append(line).append('\n');
                if (line != null && line.contains(" answers")) {
                    base = URI.create(line.replaceAll(".*(http://\\S+) answers.*", "$1"));
                }
            }
            assertTrue(base != null && line != null, said.toString());
            Thread log = Thread.ofVirtual().start(() -> err.lines().forEach(l -> said.append(l).append('\n')));
            List<long[]> samples = load(process.pid());
            assertEquals(List.of(), List.copyOf(errors), () -> "of " + Arrays.toString(counts));
            for (AtomicInteger count : counts) {
                assertTrue(count.get() > 0, () -> "each kind of client was there: " + Arrays.toString(counts));
            }
            idle();
            flat(samples, status(process.pid()));
            process.toHandle().destroy();
            log.join();
            assertEquals(0, process.waitFor(), said.toString());
            assertFalse(said.toString().contains("\tat ") || said.toString().contains("failed"), said.toString());
        } finally {
            process.destroyForcibly();
        }
    }

    /** Lets the clients run, and looks at the server's memory and threads meanwhile. */
    private List<long[]> load(long pid) throws Exception {
        end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
        List<Thread> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            Random random = new Random(i);
            clients.add(Thread.ofVirtual().start(() -> client(random)));
        }
        List<long[]> samples = new ArrayList<>();
        while (System.nanoTime() < end) {
            samples.add(status(pid));
            Thread.sleep(500);
        }
        for (Thread client : clients) {
            assertTrue(client.join(Duration.ofSeconds(90)), "a client never got its answer");
        }
        return samples;
    }

    /** Returns KiB resident and threads; nothing where there is no /proc. */
    private static long[] status(long pid) throws IOException {
        Path file = Path.of("/proc/" + pid + "/status");
        long[] found = new long[2];
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file)) {
                int what = line.startsWith("VmRSS:") ? 0 : line.startsWith("Threads:") ? 1 : -1;
                if (what >= 0) {
                    found[what] = Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
        }
        return found;
    }

    private static void flat(List<long[]> samples, long[] after) {
        List<long[]> half = samples.subList(samples.size() / 2, samples.size());
        int third = half.size() / 3;
        for (int what = 0; what < 2; what++) {
            long before = median(half.subList(0, third), what);
            long last = median(half.subList(half.size() - third, half.size()), what);
            long more = what == 0 ? before / 20 : 2;
            assertTrue(last <= before + more && after[what] <= before + more, (what == 0 ? "KiB resident" : "threads")
                    + " in the second half " + before + " -> " + last + ", afterwards " + after[what]);
        }
    }

    private static long median(List<long[]> samples, int what) {
        return samples.stream().mapToLong(s -> s[what]).sorted().skip(samples.size() / 2).findFirst().orElseThrow();
    }

    /** No slot is lost: what was left in the middle ends by itself. */
    private void idle() throws Exception {
        boolean busy = true;
        for (int i = 0; i < 100 && busy; i++) {
            String slots = http.send(HttpRequest.newBuilder(base.resolve("/slots")).build(),
                    HttpResponse.BodyHandlers.ofString()).body();
            busy = slots.contains("\"is_processing\":true");
            Thread.sleep(busy ? 100 : 0);
        }
        assertFalse(busy, "a slot is busy long after its client");
    }

    private void client(Random random) {
        while (System.nanoTime() < end) {
            int kind = random.nextInt(20);
            kind = kind < 7 ? 0 : kind < 10 ? 1 : kind < 12 ? 2 : kind < 15 ? 3 : kind < 17 ? 4 : kind - 12;
            try {
                switch (kind) {
                    case 0 -> stream(question(random, true), 0);
                    case 1 -> whole(question(random, false));
                    case 2 -> stream(question(random, true), random.nextInt(150));
                    case 3 -> leave(question(random, true), 1 + random.nextInt(1500), random);
                    case 4 -> leave(question(random, random.nextBoolean()), 0, random);
                    case 5 -> half(question(random, true), random);
                    case 6 -> rubbish(random);
                    default -> repeat(random.nextInt(3));
                }
                counts[kind].incrementAndGet();
            } catch (IOException | InterruptedException | RuntimeException | AssertionError e) {
                errors.add(kind + ": " + e); // whatever it is, it is what the test is there to find
            }
        }
    }

    private static String question(Random random, boolean stream) {
        String system = random.nextInt(3) == 0 ? "" : "{\"role\":\"system\",\"content\":\"" + SYSTEM + "\"},";
        return "{\"messages\":[" + system + "{\"role\":\"user\",\"content\":\"Tell me about "
                + "a dog and ".repeat(random.nextInt(8)) + "a cat\"}],\"max_tokens\":" + (1 + random.nextInt(40))
                + ",\"seed\":" + random.nextInt(1 << 30) + ",\"stream\":" + stream + "}";
    }

    private HttpRequest post(String body) {
        return HttpRequest.newBuilder(base.resolve("/v1/chat/completions")).timeout(Duration.ofSeconds(80))
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)).build();
    }

    private String stream(String body, int pauseMillis) throws IOException, InterruptedException {
        HttpResponse<Stream<String>> response = http.send(post(body), HttpResponse.BodyHandlers.ofLines());
        StringBuilder text = new StringBuilder();
        boolean done = false;
        try (Stream<String> lines = response.body()) {
            assertEquals(200, response.statusCode());
            for (Iterator<String> i = lines.filter(l -> !l.isEmpty()).iterator(); i.hasNext();) {
                String line = i.next();
                assertTrue(line.startsWith("data: "), line);
                done = line.endsWith("[DONE]");
                if (!done) {
                    JsonNode event = JSON.readTree(line.substring(6));
                    assertFalse(event.has("error"), line);
                    text.append(event.path("choices").path(0).path("delta").path("content").asText(""));
                }
                Thread.sleep(pauseMillis);
            }
        }
        assertTrue(done, "the stream ended without [DONE]");
        return text.toString();
    }

    private void whole(String body) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(post(body), HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response.body());
        assertTrue(JSON.readTree(response.body()).at("/usage/completion_tokens").asInt() > 0, response.body());
    }

    private void repeat(int number) throws IOException, InterruptedException {
        String text = stream("{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me about the number " + number
                + "\"}],\"max_tokens\":20,\"temperature\":1,\"stream\":true,\"seed\":" + number + "}", 0);
        String before = answers.putIfAbsent(number, text);
        assertEquals(before == null ? text : before, text, "the same question and seed");
    }

    private byte[] raw(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        byte[] head = ("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + bytes.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, all, head.length, bytes.length);
        return all;
    }

    /** Reads so much and goes, with an end or with a reset. */
    private void leave(String body, int bytes, Random random) throws IOException, InterruptedException {
        try (Socket socket = new Socket(base.getHost(), base.getPort())) {
            socket.setSoTimeout(80_000);
            socket.getOutputStream().write(raw(body));
            socket.getInputStream().readNBytes(bytes);
            Thread.sleep(random.nextInt(100));
            if (random.nextBoolean()) {
                socket.setSoLinger(true, 0);
            }
        }
    }

    private void half(String body, Random random) throws IOException, InterruptedException {
        try (Socket socket = new Socket(base.getHost(), base.getPort())) {
            byte[] all = raw(body);
            socket.getOutputStream().write(all, 0, 1 + random.nextInt(all.length - 1));
            Thread.sleep(random.nextInt(100));
        }
    }

    private void rubbish(Random random) throws IOException {
        try (Socket socket = new Socket(base.getHost(), base.getPort())) {
            socket.setSoTimeout(80_000);
            byte[] noise = new byte[100];
            random.nextBytes(noise);
            socket.getOutputStream().write(raw(new String(noise, StandardCharsets.ISO_8859_1)));
            String answer = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
            assertEquals("HTTP/1.1 400", answer);
        }
    }
}
