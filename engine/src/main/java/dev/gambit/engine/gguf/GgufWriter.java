package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes a GGUF file, version 3, little-endian: metadata and tensors in the order given, the same bytes for the same
 * input. The target appears whole or not at all: bytes go to a file beside it, which takes its name once it is on disk.
 */
public final class GgufWriter {

    /** llama.cpp refuses a tensor name of 64 bytes. */
    private static final int MAX_NAME_BYTES = 63;
    /** Writing from the heap takes a direct buffer of the same size, which the thread keeps. */
    private static final int CHUNK = 1 << 20;

    /** Gives a tensor's bytes. */
    @FunctionalInterface
    public interface TensorData {

        /**
         * Writes the tensor's bytes, exactly as many as its type and shape take.
         *
         * @param out where to
         * @throws IOException where that fails
         */
        void writeTo(WritableByteChannel out) throws IOException;
    }

    private record Entry(String name, long byteSize, TensorData data) {}

    private final HeaderWriter metadata = new HeaderWriter();
    private final HeaderWriter directory = new HeaderWriter();
    private final Set<String> keys = new HashSet<>();
    private final Set<String> names = new HashSet<>();
    private final List<Entry> tensors = new ArrayList<>();
    private int alignment = GgufHeader.DEFAULT_ALIGNMENT;
    private long dataSize;

    /**
     * Adds a key with its value. {@code general.alignment} is obeyed and has to come before the first tensor.
     *
     * @return this
     * @throws GambitException where the key is there already, or the value is not of its type
     */
    public GgufWriter put(String key, GgufValue value) {
        int length = key.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > GgufValues.MAX_KEY_BYTES) {
            throw new GambitException(GambitException.line(
                    "key " + Printable.of(key), "1 to " + GgufValues.MAX_KEY_BYTES + " bytes", length, "rename it"));
        }
        if (keys.contains(key)) {
            throw new GambitException(GambitException.line(
                    Printable.of(key), "each key once", "it twice", "give one value"));
        }
        HeaderWriter entry = new HeaderWriter();
        entry.string(key);
        entry.value(key, value);
        if (key.equals(GgufHeader.ALIGNMENT_KEY)) {
            alignment = alignment(value);
        }
        metadata.bytes(entry.toByteArray());
        keys.add(key);
        return this;
    }

    private int alignment(GgufValue value) {
        if (!tensors.isEmpty() || value.type() != GgufValueType.UINT32
                || Long.bitCount((Long) value.value()) != 1 || (Long) value.value() > 1 << 30) {
            throw new GambitException(GambitException.line(
                    GgufHeader.ALIGNMENT_KEY, "an UINT32 power of two before the first tensor", value.value(),
                    "leave it out for " + GgufHeader.DEFAULT_ALIGNMENT));
        }
        return Math.toIntExact((Long) value.value());
    }

    /** Adds a string. */
    public GgufWriter put(String key, String value) {
        return put(key, new GgufValue(GgufValueType.STRING, null, value));
    }

    /** Adds an UINT32. */
    public GgufWriter put(String key, long value) {
        return put(key, new GgufValue(GgufValueType.UINT32, null, value));
    }

    /** Adds a FLOAT32. */
    public GgufWriter put(String key, float value) {
        return put(key, new GgufValue(GgufValueType.FLOAT32, null, (double) value));
    }

    /** Adds a BOOL. */
    public GgufWriter put(String key, boolean value) {
        return put(key, new GgufValue(GgufValueType.BOOL, null, value));
    }

    /** Adds an array of strings. */
    public GgufWriter put(String key, String... values) {
        return put(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.STRING, values));
    }

    /** Adds an array of FLOAT32. */
    public GgufWriter put(String key, float... values) {
        return put(key, new GgufValue(GgufValueType.ARRAY, GgufValueType.FLOAT32, values));
    }

    /**
     * Adds a tensor.
     *
     * @param name at most 63 bytes of UTF-8, as llama.cpp wants
     * @param type its type
     * @param shape one to four dimensions; {@code shape[0]} is the contiguous one
     * @param data its bytes, read when the file is written
     * @return this
     * @throws GambitException where name, shape or size are not what a file can hold
     */
    public GgufWriter tensor(String name, GgmlType type, long[] shape, MemorySegment data) {
        long expected = byteSize(name, type, shape);
        if (data.byteSize() != expected) {
            throw wrongSize(name, expected, data.byteSize());
        }
        return tensor(name, type, shape, out -> copy(data, out));
    }

    /** Adds a tensor whose bytes {@code data} writes when the file is written. */
    public GgufWriter tensor(String name, GgmlType type, long[] shape, TensorData data) {
        long byteSize = byteSize(name, type, shape);
        int length = name.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > MAX_NAME_BYTES) {
            throw new GambitException(GambitException.line(
                    "tensor " + Printable.of(name), "a name of 1 to " + MAX_NAME_BYTES + " bytes", length,
                    "rename it"));
        }
        if (!names.add(name)) {
            throw new GambitException(GambitException.line(
                    "tensor " + Printable.of(name), "each name once", "it twice", "rename one"));
        }
        directory.string(name);
        directory.integer(shape.length, 4);
        for (long d : shape) {
            directory.integer(d, 8);
        }
        directory.integer(type.id(), 4);
        directory.integer(dataSize, 8);
        tensors.add(new Entry(name, byteSize, data));
        dataSize = Math.addExact(dataSize, byteSize + padding(byteSize));
        return this;
    }

    private static long byteSize(String name, GgmlType type, long[] shape) {
        long rows = 1;
        boolean fits = shape.length >= 1 && shape.length <= 4 && shape[0] % type.blockSize() == 0;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] >= 1 && shape[i] <= Integer.MAX_VALUE;
            rows = i == 0 ? 1 : rows * shape[i];
            fits &= rows <= Integer.MAX_VALUE && rows * shape[0] <= Long.MAX_VALUE / 8;
        }
        if (!fits) {
            throw new GambitException(GambitException.line(
                    "tensor " + Printable.of(name), "1 to 4 dimensions of at least 1, rows of a multiple of "
                            + type.blockSize() + " elements for " + type, Arrays.toString(shape),
                    "give another shape or type"));
        }
        return type.bytes(rows * shape[0]);
    }

    /**
     * Writes the file. The writer can be used again, for the same bytes.
     *
     * @param target where to; a file that is there is replaced, a link is followed
     * @throws GambitException where that fails; what was there before is then still there
     */
    public void write(Path target) {
        String source = Printable.of(target.toString());
        Path temporary = null;
        try {
            Path file = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new GambitException(GambitException.line(
                        source, "a file to write", Files.isDirectory(file) ? "a directory" : "a device or pipe",
                        "give the name of a file"));
            }
            // not Files.createTempFile, which would leave the model readable by its owner only
            temporary = file.resolveSibling("." + file.getFileName() + "."
                    + Long.toHexString(ThreadLocalRandom.current().nextLong()) + ".tmp");
            try (FileChannel out = FileChannel.open(
                    temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
                writeAll(out);
                out.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            temporary = null;
            syncDirectory(file.getParent());
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    source, "a place to write " + totalSize() + " bytes", reason(e, target),
                    "check the folder, its permissions and the free space"), e);
        } finally {
            if (temporary != null) {
                deleteQuietly(temporary);
            }
        }
    }

    private void writeAll(FileChannel out) throws IOException {
        HeaderWriter header = new HeaderWriter();
        header.bytes(new byte[] {'G', 'G', 'U', 'F'});
        header.integer(3, 4);
        header.integer(tensors.size(), 8);
        header.integer(keys.size(), 8);
        header.bytes(metadata.toByteArray());
        header.bytes(directory.toByteArray());
        byte[] bytes = header.toByteArray();
        copy(MemorySegment.ofArray(bytes), out);
        // a file without tensors has no data section to start at an aligned place
        if (!tensors.isEmpty()) {
            pad(out, padding(bytes.length));
        }
        for (Entry tensor : tensors) {
            CountingChannel counted = new CountingChannel(out, tensor);
            tensor.data().writeTo(counted);
            if (counted.written != tensor.byteSize()) {
                throw wrongSize(tensor.name(), tensor.byteSize(), counted.written);
            }
            pad(out, padding(tensor.byteSize()));
        }
    }

    private long totalSize() {
        return 24L + metadata.toByteArray().length + directory.toByteArray().length + dataSize;
    }

    private long padding(long size) {
        return -size & alignment - 1;
    }

    private static void pad(WritableByteChannel out, long count) throws IOException {
        copy(MemorySegment.ofArray(new byte[(int) count]), out);
    }

    private static void copy(MemorySegment data, WritableByteChannel out) throws IOException {
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            MemorySegment part = data.asSlice(at, Math.min(CHUNK, data.byteSize() - at));
            // only an array of bytes could lend itself as a buffer; there may be floats behind the segment
            ByteBuffer chunk = part.isNative()
                    ? part.asByteBuffer() : ByteBuffer.wrap(part.toArray(ValueLayout.JAVA_BYTE));
            while (chunk.hasRemaining()) {
                out.write(chunk);
            }
        }
    }

    private static GambitException wrongSize(String name, long expected, long found) {
        return new GambitException(GambitException.line(
                "tensor " + Printable.of(name), expected + " bytes", found, "give as many as its type and shape take"));
    }

    private static String reason(IOException e, Path target) {
        return switch (e) {
            case NoSuchFileException missing -> Files.isSymbolicLink(target) ? "a dangling link" : "no such folder";
            case AccessDeniedException denied -> "no permission to write there";
            default -> Printable.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        };
    }

    private static void deleteQuietly(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // the failure that led here is the one to report
        }
    }

    /** Makes the new name last through a power cut, where the system lets a folder be opened. */
    private static void syncDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // not possible on every system; the file itself is on disk already
        }
    }

    /** Counts a tensor's bytes and stops it from running into the next one. */
    private static final class CountingChannel implements WritableByteChannel {

        private final FileChannel out;
        private final Entry tensor;
        private long written;

        CountingChannel(FileChannel out, Entry tensor) {
            this.out = out;
            this.tensor = tensor;
        }

        @Override
        public int write(ByteBuffer source) throws IOException {
            if (source.remaining() > tensor.byteSize() - written) {
                throw wrongSize(tensor.name(), tensor.byteSize(), written + source.remaining());
            }
            int count = out.write(source);
            written += count;
            return count;
        }

        @Override
        public boolean isOpen() {
            return out.isOpen();
        }

        /** Does nothing: the file goes on after this tensor. */
        @Override
        public void close() {}
    }
}
