package dev.gambit.engine.internal.grammar;

/** A set of byte values; immutable. */
final class ByteSet {

    private final long[] bits = new long[4];

    private ByteSet() {}

    /** The values from {@code first} to {@code last}, both included. */
    static ByteSet range(int first, int last) {
        ByteSet set = new ByteSet();
        for (int b = first; b <= last; b++) {
            set.bits[b >> 6] |= 1L << b;
        }
        return set;
    }

    ByteSet or(ByteSet other) {
        ByteSet set = new ByteSet();
        for (int i = 0; i < 4; i++) {
            set.bits[i] = bits[i] | other.bits[i];
        }
        return set;
    }

    boolean contains(int value) {
        return (bits[value >> 6] >>> value & 1) != 0;
    }

    boolean intersects(ByteSet other) {
        for (int i = 0; i < 4; i++) {
            if ((bits[i] & other.bits[i]) != 0) {
                return true;
            }
        }
        return false;
    }
}
