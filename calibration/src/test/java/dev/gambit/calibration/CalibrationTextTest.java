package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationTextTest {

    @TempDir
    private Path folder;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    private static String message(Path file) {
        GambitException e = assertThrows(GambitException.class, () -> CalibrationText.read(List.of(file)));
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        return e.getMessage().substring(file.toString().length());
    }

    @Test
    void documentsComeInOrder() throws IOException {
        Path documents = file("a.jsonl", "{\"id\": 1, \"text\": \"One\\n\"}\n\n{\"text\": \"tw\\u00f6\"}");
        Path plain = file("b.txt", "{three}\n");
        assertEquals(List.of("One\n", "twö", "{three}\n", "One\n", "twö"), CalibrationText.read(List.of(documents,
                plain, documents)));
    }

    @Test
    void aBrokenLineIsNamed() throws IOException {
        String good = "{\"text\":\"x\"}\n";
        assertTrue(message(file("a.jsonl", good + good + "{\"text\": \"cut")).startsWith(
                ", line 3: expected a JSON object"));
        assertTrue(message(file("b.jsonl", good + "{\"text\":\"x\"} y")).startsWith(", line 2: "));
        assertTrue(message(file("c.jsonl", "\n{\"txt\":\"x\"}")).contains(
                ", line 2: expected a JSON object with a string"));
        assertTrue(message(file("d.jsonl", "{\"text\":5}")).contains("line 1: "));
        assertTrue(message(file("e.jsonl", "[1]")).contains("line 1: "));
        assertTrue(message(file("f.jsonl", "[".repeat(100_000))).contains("line 1: "));
    }

    @Test
    void unreadableFilesAreNamed() throws IOException {
        assertTrue(message(folder.resolve("none.txt")).contains("found none"));
        assertTrue(message(folder).contains("found a directory"));
        Path bytes = folder.resolve("latin1.txt");
        Files.write(bytes, new byte[] {'a', (byte) 0xe9, 'b'});
        assertTrue(message(bytes).contains("not UTF-8"));
        Path lines = folder.resolve("latin1.jsonl");
        Files.write(lines, new byte[] {'"', (byte) 0xe9, '"', '\n'});
        assertTrue(message(lines).contains("not UTF-8"));
    }
}
