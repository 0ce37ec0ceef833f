package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufFileTest {

    @TempDir
    Path folder;

    @Test
    void opensTheModelInTheJar() {
        try (GgufFile file = GgufFile.open(GgufResources.path(GgufResources.MODEL)); Arena arena = Arena.ofConfined()) {
            assertEquals(3, file.version());
            assertEquals(GgufResources.path(GgufResources.MODEL), file.path());
            assertEquals(29, file.metadata().values().size());
            assertEquals(4096, file.metadata().strings("tokenizer.ggml.tokens").length);
            assertEquals("<|im_end|>", file.metadata().strings("tokenizer.ggml.tokens")[2]);
            assertEquals(3, file.metadata().integers("tokenizer.ggml.token_type")[2]);
            assertEquals(74, file.tensors().size());
            GgufTensor down = file.require("blk.0.ffn_down.weight");
            assertEquals(GgmlType.Q8_0, down.type());
            assertEquals(768, down.columns());
            assertEquals(256, down.rows());
            assertEquals(768 * 256 / 32 * 34, file.map(down, arena).byteSize());
            assertNull(file.find("blk.8.ffn_down.weight"));
            ModelFormatException e =
                    assertThrows(ModelFormatException.class, () -> file.require("blk.8.ffn_down.weight"));
            assertTrue(e.getMessage().contains("blk.8.ffn_down.weight: expected the tensor, found none"));
        }
    }

    @Test
    void mapsTheTensorsOwnBytes() {
        try (GgufFile file = GgufFile.open(GgufResources.path(GgufResources.EVERY_VALUE))) {
            MemorySegment one;
            try (Arena arena = Arena.ofConfined()) {
                one = file.map(file.require("one"), arena);
                assertArrayEquals(new float[] {0, 1, 2, 3, 4}, one.toArray(ValueLayout.JAVA_FLOAT));
                assertTrue(one.isReadOnly());
            }
            MemorySegment closed = one;
            assertThrows(IllegalStateException.class, () -> closed.get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @Test
    void aClosedFileSaysSoAndItsSegmentsStay() {
        try (Arena arena = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(GgufResources.path(GgufResources.EVERY_VALUE));
            MemorySegment one = file.map(file.require("one"), arena);
            file.close();
            file.close();
            assertEquals(4, one.getAtIndex(ValueLayout.JAVA_FLOAT, 4));
            assertMessage("a file that has been closed", () -> file.map(file.require("one"), arena));
        }
    }

    @Test
    void aFileCutAfterItWasOpenedSaysSo() throws IOException {
        Path path = Files.copy(GgufResources.path(GgufResources.MODEL), folder.resolve("a.gguf"));
        try (GgufFile file = GgufFile.open(path); Arena arena = Arena.ofConfined()) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(1 << 20);
            }
            assertMessage("was cut after it had been opened",
                    () -> file.map(file.require("blk.7.ffn_down.weight"), arena));
        }
    }

    @Test
    void aCutFileNamesTheFirstTensorBeyondTheEnd() throws IOException {
        Path path = folder.resolve("a.gguf");
        byte[] model = GgufResources.bytes(GgufResources.MODEL);
        Files.write(path, Arrays.copyOf(model, 2_000_000));
        GambitException e = assertThrows(ModelFormatException.class, () -> GgufFile.open(path));
        assertTrue(e.getMessage().matches(".*a\\.gguf: tensor blk\\.0\\.ffn_down\\.weight lies beyond the end of the "
                + "file: expected bytes up to \\d+, found 2000000; the download is probably incomplete"),
                e.getMessage());
        Files.delete(path);
    }

    @Test
    void saysWhatCannotBeOpened() throws IOException {
        assertMessage("found a directory", () -> GgufFile.open(folder));
        assertMessage("found none", () -> GgufFile.open(folder.resolve("none.gguf")));
        Path empty = Files.createFile(folder.resolve("empty.gguf"));
        assertMessage("found an empty file", () -> GgufFile.open(empty));
        Path device = Path.of("/dev/zero");
        if (Files.exists(device)) {
            assertMessage("found a device or pipe", () -> GgufFile.open(device));
        }
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            version https://git-lfs.github.com/spec/v1, a Git LFS pointer
            <!DOCTYPE html><html>, a web page
            ggjt is another, starts with 67 67 6a 74
            G, starts with 47
            """)
    void saysWhatItIsInstead(String content, String found) throws IOException {
        Path path = Files.writeString(folder.resolve("a.gguf"), content, StandardCharsets.ISO_8859_1);
        assertMessage(found, () -> GgufFile.open(path));
    }

    private static void assertMessage(String part, Runnable action) {
        GambitException e = assertThrows(GambitException.class, action::run);
        assertTrue(e.getMessage().contains(part) && e.getMessage().lines().count() == 1, e.getMessage());
    }
}
