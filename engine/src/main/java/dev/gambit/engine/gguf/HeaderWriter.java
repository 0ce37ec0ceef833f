package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Collects a header's bytes, little-endian, and refuses values that their type cannot hold. */
final class HeaderWriter {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    byte[] toByteArray() {
        return bytes.toByteArray();
    }

    /** Appends the low {@code count} bytes of {@code value}. */
    void integer(long value, int count) {
        for (int i = 0; i < count; i++) {
            bytes.write((int) (value >>> 8 * i));
        }
    }

    void string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        integer(utf8.length, 8);
        bytes.writeBytes(utf8);
    }

    void bytes(byte[] more) {
        bytes.writeBytes(more);
    }

    /**
     * Appends a value with its type.
     *
     * @throws GambitException where the value is not what {@link GgufValue} says its type holds
     */
    void value(String key, GgufValue value) {
        integer(value.type().ordinal(), 4);
        if (value.type() != GgufValueType.ARRAY) {
            scalar(key, value.type(), value.value());
            return;
        }
        GgufValueType element = value.elementType();
        if (element == null || element == GgufValueType.ARRAY) {
            throw mismatch(key, "the type of single values as an array's element type", String.valueOf(element));
        }
        integer(element.ordinal(), 4);
        switch (value.value()) {
            case long[] array -> {
                integer(array.length, 8);
                for (long v : array) {
                    scalar(key, element, v);
                }
            }
            case float[] array when element == GgufValueType.FLOAT32 -> {
                integer(array.length, 8);
                for (float v : array) {
                    integer(Float.floatToRawIntBits(v), 4);
                }
            }
            case double[] array when element == GgufValueType.FLOAT64 -> {
                integer(array.length, 8);
                for (double v : array) {
                    scalar(key, element, v);
                }
            }
            case boolean[] array -> {
                integer(array.length, 8);
                for (boolean v : array) {
                    scalar(key, element, v);
                }
            }
            case String[] array -> {
                integer(array.length, 8);
                for (String v : array) {
                    scalar(key, element, v);
                }
            }
            case null, default -> throw mismatch(key, "an array of " + element, kind(value.value()));
        }
    }

    private void scalar(String key, GgufValueType type, Object value) {
        switch (value) {
            case Long v when range(type, v) -> integer(v, GgufValues.minBytes(type));
            case Double v when type == GgufValueType.FLOAT32 -> integer(Float.floatToRawIntBits(v.floatValue()), 4);
            case Double v when type == GgufValueType.FLOAT64 -> integer(Double.doubleToRawLongBits(v), 8);
            case Boolean v when type == GgufValueType.BOOL -> integer(v ? 1 : 0, 1);
            case String v when type == GgufValueType.STRING -> string(v);
            case null, default -> throw mismatch(
                    key, "a value of type " + type, value instanceof Long ? value.toString() : kind(value));
        }
    }

    private static boolean range(GgufValueType type, long v) {
        return switch (type) {
            case UINT8 -> v >= 0 && v <= 0xff;
            case INT8 -> v == (byte) v;
            case UINT16 -> v >= 0 && v <= 0xffff;
            case INT16 -> v == (short) v;
            case UINT32 -> v >= 0 && v <= 0xffff_ffffL;
            case INT32 -> v == (int) v;
            case UINT64 -> v >= 0;
            case INT64 -> true;
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
        };
    }

    private static String kind(Object value) {
        return value == null ? "none" : "a " + value.getClass().getSimpleName();
    }

    private static GambitException mismatch(String key, String expected, String found) {
        return new GambitException(GambitException.line(Printable.of(key), expected, found, "give a value of that type"));
    }
}
