package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedModelTest {

    @Test
    void opensAnyNumberAtOnceAndLeavesNothingBehind(@TempDir Path folder) throws Exception {
        in(folder, () -> {
            try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
                List<Future<String>> names = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    names.add(threads.submit(() -> {
                        try (LanguageModel model = EmbeddedModel.open(ModelOptions.builder().threads(1).build())) {
                            return model.info().file();
                        }
                    }));
                }
                for (Future<String> name : names) {
                    assertEquals("fable-7m-q8_0.gguf", get(name));
                }
            }
            return null;
        });
        assertEmpty(folder);
    }

    @Test
    void leavesNothingBehindWhereItCannotBeOpened(@TempDir Path folder) throws Exception {
        ModelOptions wrong = ModelOptions.builder().sparsity(Sparsity.of(folder.resolve("none.gguf"), 0.5)).build();
        GambitException e = in(folder, () -> assertThrows(GambitException.class, () -> EmbeddedModel.open(wrong)));
        assertTrue(e.getMessage().contains("none.gguf"), e.getMessage());
        assertEmpty(folder);
    }

    @Test
    void saysWhereItCannotWrite(@TempDir Path folder) {
        Path missing = folder.resolve("missing");
        GambitException e = in(missing, () -> assertThrows(GambitException.class, () -> EmbeddedModel.open(ModelOptions
                .defaults())));
        assertTrue(e.getMessage().contains(missing.toString()), e.getMessage());
        assertTrue(e.getMessage().contains("-Djava.io.tmpdir"), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    private static <T> T in(Path temporary, Supplier<T> work) {
        String old = System.setProperty("java.io.tmpdir", temporary.toString());
        try {
            return work.get();
        } finally {
            System.setProperty("java.io.tmpdir", old);
        }
    }

    private static String get(Future<String> future) {
        try {
            return future.get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static void assertEmpty(Path folder) throws Exception {
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.toList());
        }
    }
}
