package dev.gambit.engine.internal.cpu;

/** How a packed matrix stores one weight before its scale: bits a weight takes, and what they mean. */
enum Plane {
    /** 32-bit float. */
    F32(32),
    /** IEEE half. */
    F16(16),
    /** The upper half of a 32-bit float. */
    BF16(16),
    /** A signed byte. */
    I8(8),
    /** An unsigned nibble; 64 of them are 16 little-endian shorts, and nibble {@code k} of short {@code j} is number {@code 16k + j}. */
    U4(4);

    private final int bits;

    Plane(int bits) {
        this.bits = bits;
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
