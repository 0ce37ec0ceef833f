package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AheadTest {

    @TempDir
    Path folder;

    private Path file(String name) throws Exception {
        Path path = folder.resolve(name);
        new GgufWriter().put("general.name", name).write(path);
        return path;
    }

    private static String name(GgufFile file) {
        return file.metadata().string("general.name", null);
    }

    @AfterEach
    void nothingIsLeft() {
        assertThrows(GambitException.class, () -> Ahead.open(folder.resolve("none")));
    }

    @Test
    void handsOutTheFileThatWasBegunWithOnce() throws Exception {
        Path path = file("one");
        Ahead.start("generate", "-p", "-m", "-m", path.toString(), "-n", "1");
        try (GgufFile first = Ahead.open(path); GgufFile second = Ahead.open(path)) {
            assertNotSame(first, second);
            assertEquals("one", name(first));
            assertEquals("one", name(second));
        }
    }

    @Test
    void anotherFileIsOpenedAsEver() throws Exception {
        Path first = file("first");
        Ahead.start("chat", "--model", first.toString());
        Files.delete(first); // which is open by then, or is not found
        Path other = file("other");
        try (GgufFile open = Ahead.open(other)) {
            assertEquals("other", name(open));
        }
    }

    @Test
    void whatIsWrongIsSaidAsWithout() throws Exception {
        for (String model : new String[] {folder.toString(), folder.resolve("missing").toString(), "nul\0"}) {
            Ahead.start("serve", "-m", model);
            if (model.indexOf('\0') < 0) {
                String expected = assertThrows(GambitException.class, () -> GgufFile.open(Path.of(model))).getMessage();
                assertEquals(expected, assertThrows(GambitException.class, () -> Ahead.open(Path.of(model)))
                        .getMessage());
            }
        }
        Ahead.start("serve", "-m");
        Path path = file("one");
        try (GgufFile open = Ahead.open(path)) {
            assertEquals("one", name(open));
        }
    }
}
