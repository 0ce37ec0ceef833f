package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.io.IOException;

/** Reads metadata values off a header. */
final class GgufValues {

    /** The longest key the format allows. */
    static final int MAX_KEY_BYTES = 65_535;
    /** A tokenizer kept whole in one string takes up to 30 MB. */
    private static final int MAX_STRING_BYTES = 1 << 26;
    /** The largest vocabularies have 300,000 tokens and twice as many merges. */
    private static final int MAX_ARRAY_LENGTH = 1 << 24;

    private static final GgufValueType[] TYPES = GgufValueType.values();

    private GgufValues() {}

    /** Reads a value's type, then the value. */
    static GgufValue read(HeaderReader in) throws IOException {
        GgufValueType type = type(in);
        if (type == GgufValueType.ARRAY) {
            return array(in);
        }
        Object value = switch (type) {
            case FLOAT32 -> (double) in.float32();
            case FLOAT64 -> in.float64();
            case BOOL -> in.uint8() != 0;
            case STRING -> in.string(MAX_STRING_BYTES);
            default -> integer(in, type);
        };
        return new GgufValue(type, null, value);
    }

    /** Returns the bytes a value of this type takes at least. */
    static int minBytes(GgufValueType type) {
        return switch (type) {
            case UINT8, INT8, BOOL -> 1;
            case UINT16, INT16 -> 2;
            case UINT32, INT32, FLOAT32 -> 4;
            case UINT64, INT64, FLOAT64, STRING -> 8;
            case ARRAY -> 12;
        };
    }

    private static GgufValueType type(HeaderReader in) throws IOException {
        long number = in.uint32();
        if (number >= TYPES.length) {
            throw new ModelFormatException(GambitException.line(
                    in.where(), "a value type from 0 to " + (TYPES.length - 1), number, "the file is damaged"));
        }
        return TYPES[(int) number];
    }

    private static GgufValue array(HeaderReader in) throws IOException {
        GgufValueType element = type(in);
        if (element == GgufValueType.ARRAY) {
            throw new ModelFormatException(GambitException.line(
                    in.where(), "an array of single values", "an array of arrays",
                    "no known model has one: the file is damaged or of another kind"));
        }
        long length = in.int64();
        long max = Math.min(MAX_ARRAY_LENGTH, in.remaining() / minBytes(element));
        if (length < 0 || length > max) {
            throw new ModelFormatException(GambitException.line(
                    in.where(), "an array of at most " + max + " elements", Long.toUnsignedString(length),
                    "the file is damaged or the download incomplete"));
        }
        int n = (int) length;
        Object value = switch (element) {
            case FLOAT32 -> float32s(in, n);
            case FLOAT64 -> float64s(in, n);
            case BOOL -> bools(in, n);
            case STRING -> strings(in, n);
            default -> integers(in, element, n);
        };
        return new GgufValue(GgufValueType.ARRAY, element, value);
    }

    private static long integer(HeaderReader in, GgufValueType type) throws IOException {
        return switch (type) {
            case UINT8 -> in.uint8();
            case INT8 -> (byte) in.uint8();
            case UINT16 -> in.uint16();
            case INT16 -> (short) in.uint16();
            case UINT32 -> in.uint32();
            case INT32 -> in.int32();
            case INT64 -> in.int64();
            case UINT64 -> {
                long value = in.int64();
                if (value < 0) {
                    throw new ModelFormatException(GambitException.line(
                            in.where(), "at most " + Long.MAX_VALUE, Long.toUnsignedString(value),
                            "the file is damaged"));
                }
                yield value;
            }
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    private static long[] integers(HeaderReader in, GgufValueType type, int n) throws IOException {
        long[] values = new long[n];
        for (int i = 0; i < n; i++) {
            values[i] = integer(in, type);
        }
        return values;
    }

    private static float[] float32s(HeaderReader in, int n) throws IOException {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = in.float32();
        }
        return values;
    }

    private static double[] float64s(HeaderReader in, int n) throws IOException {
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = in.float64();
        }
        return values;
    }

    private static boolean[] bools(HeaderReader in, int n) throws IOException {
        boolean[] values = new boolean[n];
        for (int i = 0; i < n; i++) {
            values[i] = in.uint8() != 0;
        }
        return values;
    }

    private static String[] strings(HeaderReader in, int n) throws IOException {
        String[] values = new String[n];
        for (int i = 0; i < n; i++) {
            values[i] = in.string(MAX_STRING_BYTES);
        }
        return values;
    }
}
