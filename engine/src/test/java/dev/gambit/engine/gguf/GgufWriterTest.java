package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufWriterTest {

    private static final long[] ONE_BLOCK = {32};

    @TempDir
    Path folder;

    /** Both files were written by llama.cpp's Python package; ours has to give back every byte of them. */
    @ParameterizedTest
    @ValueSource(strings = {GgufResources.EVERY_VALUE, GgufResources.DEQUANTIZER, GgufResources.MODEL})
    void rewritesAFileToTheSameBytes(String resource) throws IOException {
        Path copy = folder.resolve("copy.gguf");
        try (GgufFile file = GgufFile.open(GgufResources.path(resource)); Arena arena = Arena.ofConfined()) {
            GgufWriter writer = new GgufWriter();
            file.metadata().values().forEach(writer::put);
            for (GgufTensor t : file.tensors()) {
                writer.tensor(t.name(), t.type(), t.shape(), file.map(t, arena));
            }
            writer.write(copy);
            assertEquals(-1, Files.mismatch(GgufResources.path(resource), copy));
            writer.write(copy);
            assertEquals(-1, Files.mismatch(GgufResources.path(resource), copy));
        }
        assertEquals(List.of("copy.gguf"), names());
    }

    @Test
    void readsBackWhatTheShortFormsWrite() {
        Path path = folder.resolve("a.gguf");
        float[] quantiles = {0, .5f, 1};
        new GgufWriter().put("s", "text").put("n", 4_294_967_295L).put("x", .1f).put("b", true)
                .put("names", "a", "").put("none", new String[0]).put("quantiles", quantiles)
                .tensor("t", GgmlType.F32, new long[] {3, 1}, MemorySegment.ofArray(quantiles)).write(path);
        try (GgufFile file = GgufFile.open(path); Arena arena = Arena.ofConfined()) {
            GgufMetadata metadata = file.metadata();
            assertEquals(3, file.version());
            assertEquals(List.of("s", "n", "x", "b", "names", "none", "quantiles"),
                    List.copyOf(metadata.values().keySet()));
            assertEquals("text", metadata.requireString("s"));
            assertEquals(4_294_967_295L, metadata.integer("n", 0));
            assertEquals(.1f, (float) metadata.real("x", 0));
            assertTrue(metadata.bool("b", false));
            assertArrayEquals(new String[] {"a", ""}, metadata.strings("names"));
            assertArrayEquals(new String[0], metadata.strings("none"));
            assertArrayEquals(quantiles, metadata.reals("quantiles"));
            GgufTensor tensor = file.require("t");
            assertArrayEquals(new long[] {3, 1}, tensor.shape());
            assertEquals(0, tensor.offset() % 32);
            assertArrayEquals(quantiles, file.map(tensor, arena).toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    @Test
    void aFileMayHaveNoTensors() throws IOException {
        Path path = folder.resolve("vocab.gguf");
        new GgufWriter().put("general.architecture", "llama").write(path);
        assertEquals(24 + 8 + 20 + 4 + 8 + 5, Files.size(path));
        try (GgufFile file = GgufFile.open(path)) {
            assertTrue(file.tensors().isEmpty());
        }
    }

    @Test
    void aFailureLeavesTheOldFileAndNoOther() throws IOException {
        Path path = folder.resolve("a.gguf");
        Files.writeString(path, "old");
        GambitException full = assertThrows(GambitException.class, () -> new GgufWriter()
                .tensor("t", GgmlType.Q8_0, ONE_BLOCK, out -> {
                    out.write(ByteBuffer.allocate(10));
                    throw new IOException("No space left on device");
                }).write(path));
        assertTrue(full.getMessage().contains("No space left on device"), full.getMessage());
        assertThrows(IllegalStateException.class, () -> new GgufWriter()
                .tensor("t", GgmlType.Q8_0, ONE_BLOCK, out -> {
                    throw new IllegalStateException("the caller's own");
                }).write(path));
        for (int wrong : new int[] {33, 35}) {
            GambitException e = assertThrows(GambitException.class, () -> new GgufWriter()
                    .tensor("t", GgmlType.Q8_0, ONE_BLOCK, out -> out.write(ByteBuffer.allocate(wrong))).write(path));
            assertTrue(e.getMessage().startsWith("tensor t: expected 34 bytes, found " + wrong), e.getMessage());
        }
        assertEquals("old", Files.readString(path));
        assertEquals(List.of("a.gguf"), names());
    }

    @Test
    void saysWhereItCannotWrite() throws IOException {
        GgufWriter writer = new GgufWriter().put("a", 1);
        assertMessage("no such folder", () -> writer.write(folder.resolve("none/a.gguf")));
        assertMessage("a directory", () -> writer.write(folder));
        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("nowhere"));
        assertMessage("a dangling link", () -> writer.write(dangling));
        Path device = Path.of("/dev/full");
        if (Files.exists(device)) {
            assertMessage("a device", () -> writer.write(device));
            assertFalse(Files.isRegularFile(device));
        }
    }

    @Test
    void followsALink() throws IOException {
        Path real = Files.writeString(folder.resolve("real.gguf"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link.gguf"), real);
        new GgufWriter().put("a", 1).write(link);
        assertTrue(Files.isSymbolicLink(link));
        GgufFile.open(real).close();
    }

    @Test
    void refusesWhatAFileCannotHold() {
        GgufWriter writer = new GgufWriter().put("a", 1).tensor("t", GgmlType.F32, new long[] {1}, out -> {});
        assertMessage("twice", () -> writer.put("a", 2));
        assertMessage("twice", () -> writer.tensor("t", GgmlType.F32, new long[] {1}, out -> {}));
        assertMessage("found 4294967296", () -> writer.put("b", 1L << 32));
        assertMessage("found -1", () -> writer.put("b", -1));
        assertMessage("UINT8", () -> writer.put("b", new GgufValue(
                GgufValueType.ARRAY, GgufValueType.UINT8, new long[] {255, 256})));
        assertMessage("STRING", () -> writer.put("b", new GgufValue(GgufValueType.STRING, null, 1L)));
        assertMessage("array", () -> writer.put("b", new GgufValue(
                GgufValueType.ARRAY, GgufValueType.ARRAY, new long[0])));
        assertMessage("64", () -> writer.tensor("x".repeat(64), GgmlType.F32, new long[] {1}, out -> {}));
        assertMessage("multiple of 32", () -> writer.tensor("u", GgmlType.Q8_0, new long[] {33}, out -> {}));
        assertMessage("dimensions", () -> writer.tensor("u", GgmlType.F32, new long[] {0}, out -> {}));
        assertMessage("dimensions", () -> writer.tensor("u", GgmlType.F32, new long[5], out -> {}));
        assertMessage("dimensions", () -> writer.tensor(
                "u", GgmlType.F32, new long[] {1 << 30, 1 << 30, 1 << 30}, out -> {}));
        assertMessage("4 bytes", () -> writer.tensor(
                "u", GgmlType.F32, new long[] {1}, MemorySegment.ofArray(new byte[3])));
        assertMessage("general.alignment", () -> writer.put("general.alignment", 64));
        assertMessage("general.alignment", () -> new GgufWriter().put("general.alignment", 48));
        assertMessage("general.alignment", () -> new GgufWriter().put("general.alignment", 0));
        // none of it left a trace
        Path path = folder.resolve("a.gguf");
        new GgufWriter().put("a", 1).write(path);
        try (GgufFile file = GgufFile.open(path)) {
            assertEquals(1, file.metadata().values().size());
        }
    }

    private static void assertMessage(String part, Runnable action) {
        GambitException e = assertThrows(GambitException.class, action::run);
        assertTrue(e.getMessage().contains(part) && e.getMessage().lines().count() == 1, e.getMessage());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).toList();
        }
    }
}
