package dev.gambit.engine.gguf;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The files these tests read: the model in the jar, and what llama.cpp's Python package wrote (gguf_vectors.py). */
final class GgufResources {

    static final String MODEL = "/dev/gambit/engine/fable-7m-q8_0.gguf";
    static final String EVERY_VALUE = "/dev/gambit/engine/gguf/every-value.gguf";
    static final String DEQUANTIZER = "/dev/gambit/engine/gguf/dequantizer.gguf";

    private GgufResources() {}

    static Path path(String resource) {
        try {
            return Path.of(GgufResources.class.getResource(resource).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] bytes(String resource) {
        try (InputStream in = GgufResources.class.getResourceAsStream(resource)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static String text(String resource) {
        return new String(bytes(resource), StandardCharsets.UTF_8);
    }

    /** Parses bytes as {@link GgufFile#open} parses a file. */
    static GgufHeader parse(MemorySegment bytes) {
        try {
            return GgufHeader.parse(ByteSource.of(bytes), "test.gguf");
        } catch (IOException e) {
            throw new AssertionError("a segment has no I/O", e);
        }
    }

    static GgufHeader parse(byte[] bytes) {
        return parse(MemorySegment.ofArray(bytes));
    }
}
