package dev.gambit.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The weights of one GGUF block, written down from ggml's definitions, one by one: what repacking is compared with. */
final class GgufBlocks {

    private GgufBlocks() {}

    /** {@return weight {@code i} of a row that starts at {@code row}} */
    static double weight(Repack.Type type, byte[] raw, long row, int i) {
        ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
        int per = switch (type) {
            case F32, F16, BF16 -> 1;
            case Q4_K, Q5_K, Q6_K -> 256;
            default -> 32;
        };
        int at = (int) (row + type.rowBytes(per) * (i / per));
        int e = i % per;
        return switch (type) {
            case F32 -> b.getFloat(at);
            case F16 -> half(b, at);
            case BF16 -> Float.intBitsToFloat(b.getShort(at) << 16);
            case Q8_0 -> half(b, at) * b.get(at + 2 + e);
            case Q4_0 -> half(b, at) * (nibble(b, at + 2, e) - 8);
            case Q4_1 -> half(b, at) * nibble(b, at + 4, e) + half(b, at + 2);
            case Q5_0 -> half(b, at) * ((nibble(b, at + 6, e) | (b.getInt(at + 2) >> e & 1) << 4) - 16);
            case Q5_1 -> half(b, at) * (nibble(b, at + 8, e) | (b.getInt(at + 4) >> e & 1) << 4) + half(b, at + 2);
            case Q4_K -> k(b, at, e, b.get(at + 16 + e / 64 * 32 + e % 32) >> (e / 32 % 2 * 4) & 15);
            case Q5_K -> k(
                    b, at, e,
                    b.get(at + 48 + e / 64 * 32 + e % 32) >> (e / 32 % 2 * 4) & 15
                            | (b.get(at + 16 + e % 32) >> (e / 32) & 1) << 4);
            case Q6_K -> {
                int half = e / 128;
                int quarter = e % 128 / 32;
                int low = b.get(at + 64 * half + 32 * (quarter % 2) + e % 32) >> (quarter / 2 * 4) & 15;
                int high = b.get(at + 128 + 32 * half + e % 32) >> (2 * quarter) & 3;
                yield half(b, at + 208) * b.get(at + 192 + e / 16) * ((low | high << 4) - 32);
            }
        };
    }

    private static int nibble(ByteBuffer b, int at, int e) {
        return b.get(at + e % 16) >> (e / 16 * 4) & 15;
    }

    private static double k(ByteBuffer b, int at, int e, int q) {
        int j = e / 32;
        int s = at + 4;
        int scale = j < 4 ? b.get(s + j) & 63 : b.get(s + j + 4) & 15 | (b.get(s + j - 4) >> 6 & 3) << 4;
        int min = j < 4 ? b.get(s + j + 4) & 63 : b.get(s + j + 4) >> 4 & 15 | (b.get(s + j) >> 6 & 3) << 4;
        return half(b, at) * scale * q - half(b, at + 2) * min;
    }

    static double half(ByteBuffer b, int at) {
        return Float.float16ToFloat(b.getShort(at));
    }
}
