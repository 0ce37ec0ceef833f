package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.io.IOException;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a GGUF file says before its tensors' data, every number of it checked against the size of the file before it is
 * used. The format is that of {@code docs/gguf.md} in the ggml repository.
 *
 * @param version 2 or 3
 * @param metadata the key–value part
 * @param tensors the tensors by name in file order, with offsets from the start of the file
 */
record GgufHeader(int version, GgufMetadata metadata, Map<String, GgufTensor> tensors) {

    /** Bytes a data section's parts are aligned to where {@code general.alignment} does not say. */
    static final int DEFAULT_ALIGNMENT = 32;

    static final String ALIGNMENT_KEY = "general.alignment";

    private static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    /** A key's length and type, and one byte of value; a tensor's lengths, one dimension, type and offset. */
    private static final int MIN_KEY_VALUE_BYTES = 8 + 4 + 1;
    private static final int MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;
    private static final int MAX_DIMS = 4;

    private static final GgmlType[] TYPES = GgmlType.values();

    private static final String DAMAGED = "the file is damaged";
    private static final String DAMAGED_OR_CUT = "the file is damaged or the download incomplete";

    /**
     * Reads a header.
     *
     * @param bytes the whole file
     * @param source what to call it in messages
     * @throws ModelFormatException where it is not a GGUF file that can be used
     */
    static GgufHeader parse(ByteSource bytes, String source) throws IOException {
        HeaderReader in = new HeaderReader(bytes, source);
        int version = version(in, bytes, source);
        in.reading("tensor count", null);
        long tensorCount = in.int64();
        in.reading("key count", null);
        long keyCount = in.int64();
        checkCount(in, keyCount, MIN_KEY_VALUE_BYTES);
        in.reading("tensor count", null);
        checkCount(in, tensorCount, MIN_TENSOR_BYTES);
        GgufMetadata metadata = metadata(in, source, (int) keyCount);
        long alignment = alignment(metadata);
        GgufTensor[] tensors = tensors(in, (int) tensorCount, alignment);
        // the number of bytes is below 2^63, so that rounding it up overflows only for an absurd alignment
        long dataStart = in.position() + alignment - 1 & -alignment;
        return new GgufHeader(version, metadata, place(tensors, dataStart, bytes.size(), source));
    }

    private static int version(HeaderReader in, ByteSource bytes, String source) throws IOException {
        if (bytes.size() == 0) {
            throw new ModelFormatException(GambitException.line(
                    source, "a GGUF file", "an empty file", "download it again"));
        }
        if (bytes.size() < 4 || in.int32() != MAGIC) {
            byte[] start = new byte[(int) Math.min(16, bytes.size())];
            bytes.read(0, start, 0, start.length);
            throw new ModelFormatException(GambitException.line(
                    source, "a GGUF file", FileKind.describe(start), "give a model file in GGUF format"));
        }
        int version = in.int32();
        if (version == 2 || version == 3) {
            return version;
        }
        if ((version & 0xffff) == 0) {
            throw new ModelFormatException(GambitException.line(
                    source, "a little-endian GGUF file", "a big-endian one (version " + Integer.reverseBytes(version)
                            + ")", "convert it with gguf_convert_endian.py of llama.cpp"));
        }
        throw new ModelFormatException(GambitException.line(
                source, "GGUF version 2 or 3", "version " + Integer.toUnsignedString(version),
                version == 1 ? "convert the model again with a current llama.cpp" : DAMAGED + " or too new"));
    }

    private static void checkCount(HeaderReader in, long count, int minBytes) {
        long max = Math.min(in.remaining() / minBytes, Integer.MAX_VALUE - 8);
        if (count < 0 || count > max) {
            throw new ModelFormatException(GambitException.line(
                    in.where(), "at most the " + max + " that fit the file", Long.toUnsignedString(count),
                    DAMAGED_OR_CUT));
        }
    }

    private static GgufMetadata metadata(HeaderReader in, String source, int count) throws IOException {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            in.reading("a key's name", null);
            String key = in.string(GgufValues.MAX_KEY_BYTES);
            in.reading("", key);
            if (values.put(key, GgufValues.read(in)) != null) {
                throw new ModelFormatException(GambitException.line(
                        in.where(), "each key once", "it twice", DAMAGED));
            }
        }
        return new GgufMetadata(source, values);
    }

    private static long alignment(GgufMetadata metadata) {
        long alignment = metadata.integer(ALIGNMENT_KEY, DEFAULT_ALIGNMENT);
        if (alignment < 1 || alignment > 1 << 30 || Long.bitCount(alignment) != 1) {
            throw new ModelFormatException(GambitException.line(
                    metadata.source() + ": " + ALIGNMENT_KEY, "a power of two", alignment, DAMAGED));
        }
        return alignment;
    }

    /** Reads the tensors, with offsets as they are in the file: from the start of the data. */
    private static GgufTensor[] tensors(HeaderReader in, int count, long alignment) throws IOException {
        GgufTensor[] tensors = new GgufTensor[count];
        for (int i = 0; i < count; i++) {
            in.reading("a tensor's name", null);
            String name = in.string(GgufValues.MAX_KEY_BYTES);
            in.reading("tensor ", name);
            long[] shape = shape(in);
            GgmlType type = type(in);
            if (shape[0] % type.blockSize() != 0) {
                throw new ModelFormatException(GambitException.line(
                        in.where(), "rows of a multiple of " + type.blockSize() + " elements for " + type, shape[0],
                        DAMAGED));
            }
            long offset = in.int64();
            if (offset < 0 || offset % alignment != 0) {
                throw new ModelFormatException(GambitException.line(
                        in.where(), "an offset that is a multiple of " + alignment, Long.toUnsignedString(offset),
                        DAMAGED));
            }
            long elements = 1;
            for (long d : shape) {
                elements *= d;
            }
            tensors[i] = new GgufTensor(name, type, shape, offset, type.bytes(elements));
        }
        return tensors;
    }

    private static GgmlType type(HeaderReader in) throws IOException {
        int id = in.int32();
        for (GgmlType type : TYPES) {
            if (type.id() == id) {
                return type;
            }
        }
        return GgmlType.of(id, in.where());
    }

    /** Reads dimensions whose product, and four times that in bytes, fits a long, and rows and columns an int. */
    private static long[] shape(HeaderReader in) throws IOException {
        long dims = in.uint32();
        if (dims < 1 || dims > MAX_DIMS) {
            throw new ModelFormatException(GambitException.line(
                    in.where(), "1 to " + MAX_DIMS + " dimensions", dims, DAMAGED));
        }
        long[] shape = new long[(int) dims];
        long rows = 1;
        for (int i = 0; i < dims; i++) {
            shape[i] = in.int64();
            if (shape[i] < 1 || shape[i] > Integer.MAX_VALUE) {
                throw new ModelFormatException(GambitException.line(
                        in.where(), "dimensions from 1 to " + Integer.MAX_VALUE, Long.toUnsignedString(shape[i]),
                        DAMAGED));
            }
            rows = i == 0 ? 1 : rows * shape[i];
            if (rows > Integer.MAX_VALUE || rows * shape[0] > Long.MAX_VALUE / 4) {
                throw new ModelFormatException(GambitException.line(
                        in.where(), "at most " + Integer.MAX_VALUE + " rows", rows + " of " + shape[0], DAMAGED));
            }
        }
        return shape;
    }

    /** Turns offsets into ones from the start of the file, having checked that the tensors lie in it side by side. */
    private static Map<String, GgufTensor> place(
            GgufTensor[] tensors, long dataStart, long fileSize, String source) {
        Map<String, GgufTensor> placed = LinkedHashMap.newLinkedHashMap(tensors.length);
        long dataSize = fileSize - dataStart;
        for (int i = 0; i < tensors.length; i++) {
            GgufTensor t = tensors[i];
            if (t.byteSize() > dataSize || t.offset() > dataSize - t.byteSize()) {
                throw new ModelFormatException(GambitException.line(
                        source + ": tensor " + Printable.of(t.name()) + " lies beyond the end of the file",
                        "bytes up to " + Long.toUnsignedString(dataStart + t.offset() + t.byteSize()), fileSize,
                        "the download is probably incomplete"));
            }
            tensors[i] = new GgufTensor(t.name(), t.type(), t.shape(), dataStart + t.offset(), t.byteSize());
            if (placed.put(t.name(), tensors[i]) != null) {
                throw new ModelFormatException(GambitException.line(
                        source + ": tensor " + Printable.of(t.name()), "each tensor once", "it twice", DAMAGED));
            }
        }
        checkOverlap(placed.values(), source);
        return Collections.unmodifiableMap(placed);
    }

    private static void checkOverlap(Collection<GgufTensor> tensors, String source) {
        TreeMap<Long, GgufTensor> byOffset = new TreeMap<>();
        for (GgufTensor t : tensors) {
            GgufTensor same = byOffset.put(t.offset(), t);
            if (same != null) {
                throw overlap(same, t, source);
            }
        }
        GgufTensor before = null;
        for (GgufTensor t : byOffset.values()) {
            if (before != null && t.offset() < before.offset() + before.byteSize()) {
                throw overlap(before, t, source);
            }
            before = t;
        }
    }

    private static ModelFormatException overlap(GgufTensor before, GgufTensor tensor, String source) {
        return new ModelFormatException(GambitException.line(
                source + ": tensor " + Printable.of(tensor.name()),
                "an offset of at least " + (before.offset() + before.byteSize()) + ", where "
                        + Printable.of(before.name()) + " ends", tensor.offset(), DAMAGED));
    }
}
