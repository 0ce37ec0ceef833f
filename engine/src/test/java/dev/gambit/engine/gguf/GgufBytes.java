package dev.gambit.engine.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Puts together GGUF files that no writer would write. */
final class GgufBytes {

    private final ByteBuffer out = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    static GgufBytes header(int version, long tensors, long keys) {
        GgufBytes bytes = new GgufBytes();
        bytes.out.put("GGUF".getBytes(StandardCharsets.US_ASCII));
        return bytes.i32(version).i64(tensors).i64(keys);
    }

    GgufBytes i8(int value) {
        out.put((byte) value);
        return this;
    }

    GgufBytes i32(int value) {
        out.putInt(value);
        return this;
    }

    GgufBytes i64(long value) {
        out.putLong(value);
        return this;
    }

    GgufBytes string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        i64(utf8.length);
        out.put(utf8);
        return this;
    }

    GgufBytes key(String key, GgufValueType type) {
        return string(key).i32(type.ordinal());
    }

    GgufBytes tensor(String name, int type, long offset, long... shape) {
        string(name).i32(shape.length);
        for (long d : shape) {
            i64(d);
        }
        return i32(type).i64(offset);
    }

    /** Pads to 32 bytes and appends data. */
    GgufBytes data(int count) {
        out.position((out.position() + 31 & -32) + count);
        return this;
    }

    byte[] bytes() {
        return Arrays.copyOf(out.array(), out.position());
    }
}
