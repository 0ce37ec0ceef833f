package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.KvCacheType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One layer's keys and values in a session. Keys lie as {@code [head][position/16][key length][16]}, so that 16 positions'
 * scores are the lanes of one vector; values as {@code [head][position][value length]}. With {@link KvCacheType#Q8_0} a
 * block is 32 dimensions of one position, its scales behind the integers of its keys (of 16 positions) or values.
 */
final class KvLayer {

    /** Positions whose keys lie side by side. */
    static final int BLOCK = 16;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    final KvCacheType keyType;
    final KvCacheType valueType;
    final int keyLength;
    final int valueLength;
    final MemorySegment keys;
    final MemorySegment values;
    private final int heads;
    private final long capacity;

    KvLayer(
            KvCacheType keyType,
            KvCacheType valueType,
            int heads,
            int keyLength,
            int valueLength,
            int capacity,
            Arena arena) {
        this.keyType = keyType;
        this.valueType = valueType;
        this.keyLength = keyLength;
        this.valueLength = valueLength;
        this.heads = heads;
        this.capacity = ((long) capacity + BLOCK - 1) / BLOCK * BLOCK;
        keys = OffHeap.reserve(heads * (this.capacity / BLOCK) * keyBlockBytes(), arena);
        values = OffHeap.reserve(heads * this.capacity * valueRowBytes(), arena);
    }

    /** Returns the floats that 16 positions' keys or values of one head take, rounded up to whole vectors. */
    static int scratchLength(int keyLength, int valueLength) {
        return BLOCK * Math.max(keyLength, (valueLength + 15) / 16 * 16);
    }

    /** Returns the bytes of 16 positions' keys of one head. */
    long keyBlockBytes() {
        return keyType.bytes(keyLength) * BLOCK;
    }

    /** Returns the bytes of one position's values of one head. */
    long valueRowBytes() {
        return valueType.bytes(valueLength);
    }

    /** Returns where the block that holds a position's keys starts. */
    long keyBlock(int head, int position) {
        return (head * (capacity / BLOCK) + position / BLOCK) * keyBlockBytes();
    }

    /** Returns where a position's values start. */
    long valueRow(int head, int position) {
        return (head * capacity + position) * valueRowBytes();
    }

    /** Takes over the first positions of a layer of the same types and shape; whole blocks, what is behind is not used. */
    void copyFrom(KvLayer other, int length) {
        long keyBytes = (length + BLOCK - 1) / BLOCK * keyBlockBytes();
        long valueBytes = length * valueRowBytes();
        for (int h = 0; h < heads; h++) {
            MemorySegment.copy(other.keys, other.keyBlock(h, 0), keys, keyBlock(h, 0), keyBytes);
            MemorySegment.copy(other.values, other.valueRow(h, 0), values, valueRow(h, 0), valueBytes);
        }
    }

    /** Stores a position's key and value of one head. */
    void put(int head, int position, float[] k, int ko, float[] v, int vo) {
        long block = keyBlock(head, position);
        int lane = position % BLOCK;
        switch (keyType) {
            case F32 -> {
                for (int d = 0; d < keyLength; d++) {
                    keys.set(FLOAT, block + (d * BLOCK + lane) * 4L, k[ko + d]);
                }
            }
            case F16 -> {
                for (int d = 0; d < keyLength; d++) {
                    keys.set(SHORT, block + (d * BLOCK + lane) * 2L, Float.floatToFloat16(k[ko + d]));
                }
            }
            case Q8_0 -> {
                for (int b = 0; b < keyLength; b += 32) {
                    float scale = quantisationScale(k, ko + b);
                    long scaleAt = block + (long) keyLength * BLOCK + (b / 32 * BLOCK + lane) * 2L;
                    keys.set(SHORT, scaleAt, Float.floatToFloat16(scale));
                    for (int d = b; d < b + 32; d++) {
                        keys.set(ValueLayout.JAVA_BYTE, block + d * BLOCK + lane, quantise(k[ko + d], scale));
                    }
                }
            }
        }
        long row = valueRow(head, position);
        switch (valueType) {
            case F32 -> MemorySegment.copy(v, vo, values, FLOAT, row, valueLength);
            case F16 -> {
                for (int d = 0; d < valueLength; d++) {
                    values.set(SHORT, row + d * 2L, Float.floatToFloat16(v[vo + d]));
                }
            }
            case Q8_0 -> {
                for (int b = 0; b < valueLength; b += 32) {
                    float scale = quantisationScale(v, vo + b);
                    values.set(SHORT, row + valueLength + b / 32 * 2L, Float.floatToFloat16(scale));
                    for (int d = b; d < b + 32; d++) {
                        values.set(ValueLayout.JAVA_BYTE, row + d, quantise(v[vo + d], scale));
                    }
                }
            }
        }
    }

    /** Reads one key entry; the oracle of the vector kernels. */
    float key(int head, int position, int d) {
        long block = keyBlock(head, position);
        int lane = position % BLOCK;
        return switch (keyType) {
            case F32 -> keys.get(FLOAT, block + (d * BLOCK + lane) * 4L);
            case F16 -> Float.float16ToFloat(keys.get(SHORT, block + (d * BLOCK + lane) * 2L));
            case Q8_0 ->
                keys.get(ValueLayout.JAVA_BYTE, block + d * BLOCK + lane)
                        * Float.float16ToFloat(keys.get(
                                SHORT, block + (long) keyLength * BLOCK + (d / 32 * BLOCK + lane) * 2L));
        };
    }

    /** Reads one value entry. */
    float value(int head, int position, int d) {
        long row = valueRow(head, position);
        return switch (valueType) {
            case F32 -> values.get(FLOAT, row + d * 4L);
            case F16 -> Float.float16ToFloat(values.get(SHORT, row + d * 2L));
            case Q8_0 ->
                values.get(ValueLayout.JAVA_BYTE, row + d)
                        * Float.float16ToFloat(values.get(SHORT, row + valueLength + d / 32 * 2L));
        };
    }

    private static float quantisationScale(float[] x, int offset) {
        float max = 0;
        for (int d = 0; d < 32; d++) {
            max = Math.max(max, Math.abs(x[offset + d]));
        }
        return max / 127;
    }

    private static byte quantise(float x, float scale) {
        return (byte) (scale == 0 ? 0 : Math.round(x / scale));
    }
}
