package dev.gambit.engine.gguf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;

/** A GGUF file (version 2 or 3, little-endian) opened for reading. */
public final class GgufFile implements AutoCloseable {

    private GgufFile() {}

    /** Opens a file and checks every count, offset, type and length in its header. */
    public static GgufFile open(Path path) {
        throw new AssertionError(path);
    }

    /** Returns the path it was opened from. */
    public Path path() {
        return null;
    }

    /** Returns the format version, 2 or 3. */
    public int version() {
        return 0;
    }

    /** Returns the key–value part. */
    public GgufMetadata metadata() {
        return null;
    }

    /** Returns the tensors in file order. */
    public Collection<GgufTensor> tensors() {
        return null;
    }

    /** Returns a tensor, or null where there is none of that name. */
    public GgufTensor find(String name) {
        return null;
    }

    /** Returns a tensor that has to be there. */
    public GgufTensor require(String name) {
        return null;
    }

    /**
     * Maps one tensor's bytes, read-only, for the life of {@code arena}; closing the arena unmaps them, so a caller that
     * repacks a tensor leaves none of the file's pages behind.
     */
    public MemorySegment map(GgufTensor tensor, Arena arena) {
        return null;
    }

    @Override
    public void close() {}
}
