package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;

/** The tensor types of ggml that Gambit reads: how many elements a block has and how many bytes it takes. */
public enum GgmlType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    BF16(30, 1, 2);

    private final int id;
    private final int blockSize;
    private final int blockBytes;

    GgmlType(int id, int blockSize, int blockBytes) {
        this.id = id;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** Returns the number this type has in a file. */
    public int id() {
        return id;
    }

    /** Returns the number of elements in a block; 1 for the unquantised types. */
    public int blockSize() {
        return blockSize;
    }

    /** Returns the bytes a block takes. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Returns the bytes that {@code elements} take, a multiple of the block size. */
    public long bytes(long elements) {
        return elements / blockSize * blockBytes;
    }

    /**
     * Returns the type with this number.
     *
     * @param id the number in the file
     * @param what the tensor, for the message
     * @throws ModelFormatException where Gambit does not read it
     */
    public static GgmlType of(int id, String what) {
        for (GgmlType type : values()) {
            if (type.id == id) {
                return type;
            }
        }
        throw new ModelFormatException(GambitException.line(
                what, "a tensor type Gambit reads (F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K)",
                "type number " + id, "convert the file with llama-quantize"));
    }
}
