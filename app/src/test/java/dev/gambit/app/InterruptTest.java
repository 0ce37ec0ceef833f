package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C, which only a process of its own can be told. */
class InterruptTest {

    @Test
    @Timeout(120)
    void anInterruptedGenerationReportsWhatItDid(@TempDir Path folder) throws Exception {
        assumeTrue(Files.exists(Path.of("/bin/kill")) || Files.exists(Path.of("/usr/bin/kill")),
                "there is no kill command");
        Path err = folder.resolve("err");
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Process process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector", "-XX:+UseSerialGC", "-Djava.io.tmpdir=" + temporary,
                "-cp", System.getProperty("java.class.path"), "dev.gambit.app.Main",
                "generate", "-p", "Once upon a time", "--ignore-eos", "-c", "200000")
                        .redirectError(Redirect.to(err.toFile()))
                        .start();
        try (InputStream out = process.getInputStream()) {
            byte[] text = out.readNBytes(60); // past the prompt: it generates
            assertEquals(60, text.length, () -> read(err));
            new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
            out.readAllBytes();
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            assertEquals(130, process.exitValue());
            assertTrue(read(err).contains("Interrupted."), read(err));
            assertTrue(read(err).contains("eval time ="), read(err));
            try (var left = Files.list(temporary)) {
                assertEquals(0, left.filter(p -> p.getFileName().toString().startsWith("gambit")).count());
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (java.io.IOException e) {
            return e.toString();
        }
    }
}
