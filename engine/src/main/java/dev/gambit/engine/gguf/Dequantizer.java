package dev.gambit.engine.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Turns a row of any type into floats, plainly: the oracle the fast kernels are tested against. The bits are those of
 * {@code gguf.quants.dequantize} of llama.cpp's Python package. Block layouts are those of {@code ggml-common.h}.
 */
public final class Dequantizer {

    private static final ValueLayout.OfShort INT16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Dequantizer() {}

    /**
     * Writes one row.
     *
     * @param type the tensor's type
     * @param data the whole tensor's bytes
     * @param row which row, from 0
     * @param columns elements of a row, a multiple of the block size
     * @param out gets {@code columns} floats
     * @param outOffset where in {@code out} they start
     * @throws IllegalArgumentException where {@code columns} is no multiple of the block size
     * @throws IndexOutOfBoundsException where the row is not in {@code data} or does not fit {@code out}
     */
    public static void row(GgmlType type, MemorySegment data, long row, int columns, float[] out, int outOffset) {
        if (columns % type.blockSize() != 0) {
            throw new IllegalArgumentException(columns + " columns of " + type);
        }
        Objects.checkFromIndexSize(outOffset, columns, out.length);
        long rowBytes = type.bytes(columns);
        MemorySegment blocks = data.asSlice(row * rowBytes, rowBytes);
        for (int b = 0; b < columns / type.blockSize(); b++) {
            long block = (long) b * type.blockBytes();
            int to = outOffset + b * type.blockSize();
            switch (type) {
                case F32 -> out[to] = Float.intBitsToFloat(blocks.get(INT32, block));
                case F16 -> out[to] = float16(blocks, block);
                case BF16 -> out[to] = Float.intBitsToFloat(blocks.get(INT16, block) << 16);
                case Q8_0 -> q8Block(blocks, block, out, to);
                case Q4_0 -> q4Block(blocks, block, out, to);
                case Q4_1 -> q4BlockWithMin(blocks, block, out, to);
                case Q5_0 -> q5Block(blocks, block, out, to);
                case Q5_1 -> q5BlockWithMin(blocks, block, out, to);
                case Q4_K -> q4SuperBlock(blocks, block, out, to);
                case Q5_K -> q5SuperBlock(blocks, block, out, to);
                case Q6_K -> q6SuperBlock(blocks, block, out, to);
            }
        }
    }

    /** Q8_0: scale f16, 32 signed bytes. */
    private static void q8Block(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * data.get(ValueLayout.JAVA_BYTE, block + 2 + i);
        }
    }

    /** Q4_0: scale f16, 16 bytes whose low nibbles are elements 0 to 15 and high nibbles 16 to 31, each plus 8. */
    private static void q4Block(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * (nibble(data, block + 2, i) - 8);
        }
    }

    /** Q4_1: scale f16, minimum f16, nibbles as in Q4_0. */
    private static void q4BlockWithMin(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        float m = float16(data, block + 2);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * nibble(data, block + 4, i) + m;
        }
    }

    /** Q5_0: scale f16, 32 fifth bits, nibbles as in Q4_0; each plus 16. */
    private static void q5Block(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        int high = data.get(INT32, block + 2);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * ((nibble(data, block + 6, i) | (high >>> i & 1) << 4) - 16);
        }
    }

    /** Q5_1: scale f16, minimum f16, 32 fifth bits, nibbles as in Q4_0. */
    private static void q5BlockWithMin(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        float m = float16(data, block + 2);
        int high = data.get(INT32, block + 4);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * (nibble(data, block + 8, i) | (high >>> i & 1) << 4) + m;
        }
    }

    /** Q4_K: scale and minimum f16, eight 6-bit scales and minima in 12 bytes, 128 bytes of nibbles. */
    private static void q4SuperBlock(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        float dmin = float16(data, block + 2);
        for (int g = 0; g < 8; g++) {
            float scale = d * scale6(data, block + 4, g);
            float min = dmin * min6(data, block + 4, g);
            for (int l = 0; l < 32; l++) {
                int q = byteAt(data, block + 16 + g / 2 * 32 + l) >> 4 * (g % 2) & 15;
                out[to + 32 * g + l] = scale * q - min;
            }
        }
    }

    /** Q5_K: as Q4_K, with 32 bytes of fifth bits (bit g of byte l for group g) before the nibbles. */
    private static void q5SuperBlock(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block);
        float dmin = float16(data, block + 2);
        for (int g = 0; g < 8; g++) {
            float scale = d * scale6(data, block + 4, g);
            float min = dmin * min6(data, block + 4, g);
            for (int l = 0; l < 32; l++) {
                int low = byteAt(data, block + 48 + g / 2 * 32 + l) >> 4 * (g % 2) & 15;
                int high = byteAt(data, block + 16 + l) >> g & 1;
                out[to + 32 * g + l] = scale * (low | high << 4) - min;
            }
        }
    }

    /**
     * Q6_K: 128 bytes of nibbles, 64 of upper bit pairs, 16 signed scales, scale f16. Each half of 128 elements has 64
     * bytes of nibbles (low ones elements 0 to 63, high ones 64 to 127) and 32 bytes of pairs (pair p: 32p to 32p+31).
     */
    private static void q6SuperBlock(MemorySegment data, long block, float[] out, int to) {
        float d = float16(data, block + 208);
        for (int i = 0; i < 256; i++) {
            int half = i / 128;
            int low = byteAt(data, block + half * 64 + i % 64) >> i % 128 / 64 * 4 & 15;
            int high = byteAt(data, block + 128 + half * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
            float scale = d * data.get(ValueLayout.JAVA_BYTE, block + 192 + i / 16);
            out[to + i] = scale * ((low | high << 4) - 32);
        }
    }

    /** Returns scale g of a Q4_K or Q5_K block: g below 4 in byte g, else four bits in byte 4 + g and two in g − 4. */
    private static int scale6(MemorySegment data, long scales, int g) {
        return g < 4
                ? byteAt(data, scales + g) & 63
                : byteAt(data, scales + 4 + g) & 15 | byteAt(data, scales + g - 4) >> 6 << 4;
    }

    /** Returns minimum g of a Q4_K or Q5_K block: g below 4 in byte 4 + g, else four bits in byte 4 + g, two in g. */
    private static int min6(MemorySegment data, long scales, int g) {
        return g < 4
                ? byteAt(data, scales + 4 + g) & 63
                : byteAt(data, scales + 4 + g) >> 4 | byteAt(data, scales + g) >> 6 << 4;
    }

    private static int nibble(MemorySegment data, long quants, int i) {
        return byteAt(data, quants + i % 16) >> i / 16 * 4 & 15;
    }

    private static int byteAt(MemorySegment data, long at) {
        return data.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }

    private static float float16(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(INT16, at));
    }
}
