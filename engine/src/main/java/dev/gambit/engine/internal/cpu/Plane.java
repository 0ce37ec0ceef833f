package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;

/** How a packed matrix stores one weight before its scale: bits a weight takes, and what they mean. */
enum Plane {
    /** 32-bit float. */
    F32(32),
    /** IEEE half. In a tile's run of 64, an int's halves are outputs 16 apart: see {@link #place}. */
    F16(16),
    /** The upper half of a 32-bit float, in the same order. */
    BF16(16),
    /** A signed byte; in a tile's run of 64, an int's four bytes are outputs 16 apart. */
    I8(8),
    /** An unsigned nibble; a tile's run of 64 is 8 little-endian ints, and nibble {@code k} of int {@code j} is output {@code 8k + j}. */
    U4(4);

    private final int bits;

    Plane(int bits) {
        this.bits = bits;
    }

    /** Returns the plane that a tensor of this type is packed into. */
    static Plane of(GgmlType type) {
        return switch (type) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
            case Q4_0, Q4_1, Q4_K -> U4;
            case Q8_0, Q5_0, Q5_1, Q5_K, Q6_K -> I8;
        };
    }

    /**
     * Returns where output {@code o} of a tile lies in its run of 64, in units of this plane's size; nibbles apart. Kernels load ints
     * and take them to pieces with a mask or a shift: fewer instructions than loading each vector by itself and
     * widening it.
     */
    int place(int o) {
        return switch (this) {
            case F16, BF16 -> o / 32 * 32 + o % 16 * 2 + o / 16 % 2;
            case I8 -> o % 16 * 4 + o / 16;
            default -> o;
        };
    }

    /** Returns the bytes that {@code n} weights take. */
    long bytes(long n) {
        return n * bits / 8;
    }

    /** Returns whether weights are integers that a scale per group turns into numbers. */
    boolean quantised() {
        return this == I8 || this == U4;
    }
}
