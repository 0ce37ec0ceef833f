package dev.gambit.engine.testing;

import dev.gambit.engine.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/** Random but valid tensors of every type: all integers occur, scales differ from group to group. */
public final class RandomTensor {

    private RandomTensor() {}

    /**
     * Makes a tensor's bytes.
     *
     * @param columns a multiple of the type's block
     * @param magnitude weights are about uniform between its negative and it
     */
    public static MemorySegment bytes(GgmlType type, int columns, int rows, float magnitude, long seed) {
        SplittableRandom random = new SplittableRandom(seed * 31 + type.ordinal());
        byte[] bytes = new byte[Math.toIntExact(type.bytes((long) columns * rows))];
        ByteBuffer out = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        random.nextBytes(bytes);
        int count = bytes.length / type.blockBytes();
        for (int b = 0; b < count; b++) {
            int at = b * type.blockBytes();
            switch (type) {
                case F32 -> out.putFloat(at, uniform(random, magnitude));
                case F16 -> half(out, at, uniform(random, magnitude));
                case BF16 -> out.putShort(at, (short) (Float.floatToRawIntBits(uniform(random, magnitude)) >>> 16));
                case Q8_0 -> half(out, at, scale(random, magnitude / 128));
                case Q4_0 -> half(out, at, scale(random, magnitude / 8));
                case Q5_0 -> half(out, at, scale(random, magnitude / 16));
                case Q4_1 -> {
                    half(out, at, scale(random, magnitude / 8));
                    half(out, at + 2, -scale(random, magnitude));
                }
                case Q5_1 -> {
                    half(out, at, scale(random, magnitude / 16));
                    half(out, at + 2, -scale(random, magnitude));
                }
                case Q4_K -> {
                    half(out, at, scale(random, 4 * magnitude / (63 * 15)));
                    half(out, at + 2, scale(random, 2 * magnitude / 63));
                }
                case Q5_K -> {
                    half(out, at, scale(random, 4 * magnitude / (63 * 31)));
                    half(out, at + 2, scale(random, 2 * magnitude / 63));
                }
                case Q6_K -> half(out, at + 208, scale(random, 2 * magnitude / (128 * 32)));
            }
        }
        return MemorySegment.ofArray(bytes);
    }

    /** Returns numbers between {@code -magnitude} and {@code magnitude}. */
    public static float[] floats(int count, float magnitude, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = uniform(random, magnitude);
        }
        return out;
    }

    private static float uniform(SplittableRandom random, float magnitude) {
        return (float) ((2 * random.nextDouble() - 1) * magnitude);
    }

    private static float scale(SplittableRandom random, float typical) {
        return (float) (typical * (.5 + random.nextDouble()));
    }

    private static void half(ByteBuffer out, int at, float value) {
        out.putShort(at, Float.floatToFloat16(value));
    }
}
