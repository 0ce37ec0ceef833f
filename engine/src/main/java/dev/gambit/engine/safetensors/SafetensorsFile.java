package dev.gambit.engine.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgmlType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A safetensors file: eight bytes with the header's length, the header in JSON, the tensors' bytes. Everything the header
 * says is checked against the file's size before it is used.
 */
final class SafetensorsFile implements AutoCloseable {

    /** What the format's own library allows. */
    private static final long MAX_HEADER = 100_000_000;

    /**
     * A tensor.
     *
     * @param type its elements
     * @param shape rows first, as Hugging Face writes it
     * @param offset from the start of the file
     * @param bytes how many it takes
     */
    record Tensor(GgmlType type, long[] shape, long offset, long bytes) {}

    private final String source;
    private final FileChannel channel;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    SafetensorsFile(Path path) {
        source = path.toString();
        FileChannel opened = null;
        try {
            opened = FileChannel.open(path, StandardOpenOption.READ);
            channel = opened;
            read();
        } catch (IOException e) {
            close(opened);
            throw unreadable(e);
        } catch (RuntimeException | Error e) {
            close(opened);
            throw e;
        }
    }

    private void read() throws IOException {
        long size = channel.size();
        long length = size < 8 ? -1 : bytes(0, 8).getLong();
        if (length < 2 || length > Math.min(MAX_HEADER, size - 8)) {
            throw damaged("length of the header", "2 to " + Math.max(2, Math.min(MAX_HEADER, size - 8)), length);
        }
        JsonNode header = JsonFile.parse(source, bytes(8, (int) length).array());
        for (Map.Entry<String, JsonNode> e : header.properties()) {
            if (!e.getKey().equals("__metadata__")) {
                tensors.put(e.getKey(), tensor(e.getKey(), e.getValue(), 8 + length, size));
            }
        }
    }

    private Tensor tensor(String name, JsonNode node, long data, long size) {
        GgmlType type = switch (node.path("dtype").asText()) {
            case "F32" -> GgmlType.F32;
            case "F16" -> GgmlType.F16;
            case "BF16" -> GgmlType.BF16;
            default -> throw damaged(name + ", dtype", "F32, F16 or BF16", node.path("dtype"));
        };
        JsonNode dimensions = node.path("shape");
        JsonNode offsets = node.path("data_offsets");
        long[] shape = new long[dimensions.size()];
        long bytes = type.blockBytes();
        for (int i = 0; i < shape.length; i++) {
            shape[i] = dimensions.get(i).asLong(-1);
            if (shape[i] < 1 || shape[i] > Integer.MAX_VALUE || bytes > size / shape[i]) {
                throw damaged(name + ", shape", "positive numbers that fit the file", dimensions);
            }
            bytes *= shape[i];
        }
        long from = offsets.path(0).asLong(-1);
        long to = offsets.path(1).asLong(-1);
        if (shape.length < 1 || shape.length > 2 || from < 0 || to < from || to > size - data || to - from != bytes) {
            throw damaged(name + ", data_offsets", bytes + " bytes within the file, of one or two dimensions", offsets);
        }
        return new Tensor(type, shape, data + from, bytes);
    }

    private ByteBuffer bytes(long position, int count) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            if (channel.read(b, position + b.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
        return b.flip();
    }

    /** Returns the tensors by name. */
    Map<String, Tensor> tensors() {
        return tensors;
    }

    /** Maps a tensor's bytes for the life of {@code arena}. */
    MemorySegment map(Tensor tensor, Arena arena) {
        try {
            if (channel.size() < tensor.offset + tensor.bytes) {
                throw damaged("size", "at least " + (tensor.offset + tensor.bytes), channel.size());
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, tensor.offset, tensor.bytes, arena);
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private ModelFormatException damaged(String what, Object expected, Object found) {
        return new ModelFormatException(
                GambitException.line(source + ": " + what, expected, found, "the file is damaged: download it again"));
    }

    private GambitException unreadable(IOException e) {
        return new GambitException(
                GambitException.line(source, "a readable file", JsonFile.reason(e), "check the file"), e);
    }

    @Override
    public void close() {
        close(channel);
    }

    private static void close(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // nothing was written, and there is nothing a caller could do
        }
    }
}
