package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.safetensors.HuggingFaceModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;

/**
 * A GGUF file (version 2 or 3, little-endian) opened for reading. What it says about itself is on the heap; its tensors
 * stay on disk until they are mapped one by one. Safe for use by several threads.
 */
public final class GgufFile implements AutoCloseable {

    private final Path path;
    private final String source;
    private final FileChannel channel;
    private final GgufHeader header;
    /** Where tensors come from that are not in a GGUF file; null for a GGUF file. */
    private final TensorSource tensors;

    /** Gives the bytes of a model's tensors that lie in files of another format. */
    public interface TensorSource extends AutoCloseable {

        /**
         * Returns a tensor's bytes as GGUF would have them.
         *
         * @throws GambitException where they cannot be read
         */
        MemorySegment map(GgufTensor tensor, Arena arena);

        @Override
        void close();
    }

    /**
     * Makes a model in another format look like a GGUF file.
     *
     * @param path what it was opened from
     * @param metadata what a GGUF file of this model would say
     * @param tensors by name, in order
     * @param source their bytes; closed with the file
     */
    public static GgufFile of(
            Path path, GgufMetadata metadata, Map<String, GgufTensor> tensors, TensorSource source) {
        return new GgufFile(
                path, metadata.source(), null, new GgufHeader(3, metadata, Collections.unmodifiableMap(tensors)),
                source);
    }

    private GgufFile(Path path, String source, FileChannel channel, GgufHeader header) {
        this(path, source, channel, header, null);
    }

    private GgufFile(Path path, String source, FileChannel channel, GgufHeader header, TensorSource tensors) {
        this.path = path;
        this.source = source;
        this.channel = channel;
        this.header = header;
        this.tensors = tensors;
    }

    /**
     * Opens a file and checks every count, offset, type and length in its header. A folder as Hugging Face has it
     * ({@code config.json}, safetensors, {@code tokenizer.json}) opens, too.
     *
     * @throws ModelFormatException where it is not a GGUF file that can be used; the message says why
     * @throws GambitException where it cannot be read
     */
    public static GgufFile open(Path path) {
        String source = Printable.of(path.toString());
        if (HuggingFaceModel.isOne(path)) {
            return HuggingFaceModel.open(path);
        }
        // a directory opens and then fails to be read; a pipe would block
        if (!Files.isRegularFile(path)) {
            String found = Files.isDirectory(path) ? "a directory" : Files.exists(path) ? "a device or pipe" : "none";
            throw new GambitException(GambitException.line(source, "a file", found, "check the path"));
        }
        FileChannel channel = null;
        GgufFile file = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            file = new GgufFile(path, source, channel, GgufHeader.parse(ByteSource.of(channel), source));
            return file;
        } catch (IOException e) {
            throw unreadable(source, e);
        } catch (OutOfMemoryError e) {
            throw new GambitException(GambitException.line(
                    source, "a header that fits the heap of " + (Runtime.getRuntime().maxMemory() >> 20) + " MiB",
                    "a larger one", "raise -Xmx, or the file is damaged"), e);
        } finally {
            if (file == null && channel != null) {
                closeQuietly(channel);
            }
        }
    }

    /** Returns the path it was opened from. */
    public Path path() {
        return path;
    }

    /** Returns the format version, 2 or 3. */
    public int version() {
        return header.version();
    }

    /** Returns the key–value part. */
    public GgufMetadata metadata() {
        return header.metadata();
    }

    /** Returns the tensors in file order. */
    public Collection<GgufTensor> tensors() {
        return header.tensors().values();
    }

    /** Returns a tensor, or null where there is none of that name. */
    public GgufTensor find(String name) {
        return header.tensors().get(name);
    }

    /**
     * Returns a tensor that has to be there.
     *
     * @throws ModelFormatException where it is not
     */
    public GgufTensor require(String name) {
        GgufTensor tensor = find(name);
        if (tensor == null) {
            int parts = metadata().optionalInt("split.count", 0, 65_535, 1);
            throw new ModelFormatException(GambitException.line(
                    source + ": " + name, "the tensor", "none",
                    parts > 1 ? "this is one of " + parts + " parts: merge them with llama-gguf-split --merge"
                            : "the file is incomplete or of another kind"));
        }
        return tensor;
    }

    /**
     * Maps one tensor's bytes, read-only, for the life of {@code arena}; closing the arena unmaps them, so a caller
     * that repacks a tensor leaves none of the file's pages behind. The segment stays valid when this file is closed.
     *
     * @throws GambitException where the file has been closed, or cut since it was opened
     */
    public MemorySegment map(GgufTensor tensor, Arena arena) {
        if (tensors != null) {
            return tensors.map(tensor, arena);
        }
        try {
            long size = channel.size();
            if (size < tensor.offset() + tensor.byteSize()) {
                throw new ModelFormatException(GambitException.line(
                        source + ": tensor " + Printable.of(tensor.name()),
                        "bytes up to " + (tensor.offset() + tensor.byteSize()), size,
                        "the file was cut after it had been opened: leave it alone while it is in use"));
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, tensor.offset(), tensor.byteSize(), arena);
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    /** Closes the file. What has been mapped stays mapped until its arena is closed. */
    @Override
    public void close() {
        if (tensors != null) {
            tensors.close();
            return;
        }
        closeQuietly(channel);
    }

    /** A file that was only read loses nothing when closing it fails. */
    private static void closeQuietly(FileChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // nothing was written, and there is nothing a caller could do
        }
    }

    private static GambitException unreadable(String source, IOException e) {
        String found = switch (e) {
            case AccessDeniedException denied -> "no permission to read it";
            case ClosedByInterruptException interrupted -> "an interrupt of the thread, which closed the file";
            case ClosedChannelException closed -> "a file that has been closed";
            default -> Printable.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        };
        return new GambitException(GambitException.line(
                source, "a readable file", found, "check the file and that it stays open while in use"), e);
    }
}
