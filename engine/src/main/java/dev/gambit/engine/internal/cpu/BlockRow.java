package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;

/**
 * One row of a GGUF tensor taken apart into what a {@link PackedMatrix} stores: an integer a weight, and the scales and
 * minima of its groups with the very bits the file has. Block layouts are ggml's (ggml-common.h).
 */
final class BlockRow {

    final byte[] q;
    /** Half-float bits a group (HALF), else a signed byte a group. */
    final short[] scale;

    final short[] min;
    /** Half-float bits for every 256 inputs. */
    final short[] superScale;

    final short[] superMin;

    BlockRow(int inputs) {
        q = new byte[inputs];
        scale = new short[inputs / 16 + 1];
        min = new short[inputs / 16 + 1];
        superScale = new short[inputs / 256 + 1];
        superMin = new short[inputs / 256 + 1];
    }

    /** Takes the row apart that starts at {@code at} in {@code raw}. */
    void read(GgmlType type, byte[] raw, int at, int inputs) {
        int blocks = inputs / type.blockSize();
        for (int b = 0; b < blocks; b++) {
            int p = at + b * type.blockBytes();
            switch (type) {
                case Q8_0 -> {
                    scale[b] = half(raw, p);
                    System.arraycopy(raw, p + 2, q, b * 32, 32);
                }
                case Q4_0, Q4_1 -> {
                    scale[b] = half(raw, p);
                    min[b] = type == GgmlType.Q4_1 ? half(raw, p + 2) : 0;
                    nibbles(raw, p + type.blockBytes() - 16, b * 32, 16);
                }
                case Q5_0, Q5_1 -> five(type, raw, p, b);
                case Q4_K, Q5_K -> superBlock(type, raw, p, b);
                case Q6_K -> six(raw, p, b);
                default -> throw new IllegalArgumentException(type + " has no blocks");
            }
        }
    }

    private void nibbles(byte[] raw, int p, int to, int half) {
        for (int i = 0; i < half; i++) {
            q[to + i] = (byte) (raw[p + i] & 15);
            q[to + half + i] = (byte) ((raw[p + i] >> 4) & 15);
        }
    }

    private void five(GgmlType type, byte[] raw, int p, int b) {
        boolean withMin = type == GgmlType.Q5_1;
        scale[b] = half(raw, p);
        min[b] = withMin ? half(raw, p + 2) : 0;
        int high = p + (withMin ? 4 : 2);
        int bits = (raw[high] & 255) | (raw[high + 1] & 255) << 8 | (raw[high + 2] & 255) << 16 | raw[high + 3] << 24;
        nibbles(raw, high + 4, b * 32, 16);
        for (int i = 0; i < 32; i++) {
            // Q5_0 counts from -16; a signed byte holds that, so its groups need no zero point.
            q[b * 32 + i] = (byte) ((q[b * 32 + i] | (bits >>> i & 1) << 4) - (withMin ? 0 : 16));
        }
    }

    /** Q4_K and Q5_K: eight groups of 32, each with a 6-bit scale and minimum packed into twelve bytes. */
    private void superBlock(GgmlType type, byte[] raw, int p, int b) {
        superScale[b] = half(raw, p);
        superMin[b] = (short) (half(raw, p + 2) ^ 0x8000); // the minimum is subtracted
        int s = p + 4;
        for (int j = 0; j < 8; j++) {
            if (j < 4) {
                scale[b * 8 + j] = (short) (raw[s + j] & 63);
                min[b * 8 + j] = (short) (raw[s + j + 4] & 63);
            } else {
                scale[b * 8 + j] = (short) ((raw[s + j + 4] & 15) | (raw[s + j - 4] >> 6 & 3) << 4);
                min[b * 8 + j] = (short) ((raw[s + j + 4] >> 4 & 15) | (raw[s + j] >> 6 & 3) << 4);
            }
        }
        boolean fifth = type == GgmlType.Q5_K;
        int high = p + 16;
        int low = fifth ? p + 48 : p + 16;
        for (int j = 0; j < 4; j++) {
            int to = b * 256 + j * 64;
            nibbles(raw, low + j * 32, to, 32);
            for (int i = 0; fifth && i < 32; i++) {
                q[to + i] |= (byte) ((raw[high + i] >> (2 * j) & 1) << 4);
                q[to + 32 + i] |= (byte) ((raw[high + i] >> (2 * j + 1) & 1) << 4);
            }
        }
    }

    /** Q6_K: sixteen groups of 16 with signed 8-bit scales; weights count from -32. */
    private void six(byte[] raw, int p, int b) {
        superScale[b] = half(raw, p + 208);
        for (int g = 0; g < 16; g++) {
            scale[b * 16 + g] = raw[p + 192 + g];
        }
        for (int h = 0; h < 2; h++) {
            int low = p + h * 64;
            int high = p + 128 + h * 32;
            int to = b * 256 + h * 128;
            for (int i = 0; i < 32; i++) {
                int top = raw[high + i];
                q[to + i] = (byte) (((raw[low + i] & 15) | (top & 3) << 4) - 32);
                q[to + 32 + i] = (byte) (((raw[low + 32 + i] & 15) | (top >> 2 & 3) << 4) - 32);
                q[to + 64 + i] = (byte) (((raw[low + i] >> 4 & 15) | (top >> 4 & 3) << 4) - 32);
                q[to + 96 + i] = (byte) (((raw[low + 32 + i] >> 4 & 15) | (top >> 6 & 3) << 4) - 32);
            }
        }
    }

    private static short half(byte[] raw, int p) {
        return (short) ((raw[p] & 255) | raw[p + 1] << 8);
    }
}
