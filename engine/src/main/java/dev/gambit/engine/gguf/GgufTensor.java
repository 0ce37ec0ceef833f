package dev.gambit.engine.gguf;

/**
 * Where a tensor lies in a GGUF file.
 *
 * @param name its name, such as {@code blk.0.ffn_up.weight}
 * @param type its type
 * @param shape its dimensions in file order: {@code shape[0]} is the contiguous one (the input dimension of a matrix)
 * @param offset bytes from the start of the file
 * @param byteSize bytes it takes
 */
public record GgufTensor(String name, GgmlType type, long[] shape, long offset, long byteSize) {

    /** Returns the number of elements. */
    public long elements() {
        long n = 1;
        for (long d : shape) {
            n *= d;
        }
        return n;
    }

    /** Returns the contiguous dimension: a matrix's inputs, a vector's length. */
    public int columns() {
        return Math.toIntExact(shape[0]);
    }

    /** Returns the number of rows: a matrix's outputs, 1 for a vector. */
    public int rows() {
        return Math.toIntExact(elements() / shape[0]);
    }
}
