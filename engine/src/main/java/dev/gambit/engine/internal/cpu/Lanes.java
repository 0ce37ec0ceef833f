package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes the kernels use and the loads that widen stored weights to floats. The width is the machine's own, at
 * most 512 bits; {@code -Dgambit.vector.bits=128|256|512} sets it, so that all three can be tested on one machine.
 */
final class Lanes {

    /** Floats. */
    static final VectorSpecies<Float> F = floats();
    /** Ints of as many lanes. */
    static final VectorSpecies<Integer> I = F.withLanes(int.class);
    /** Lanes: 4, 8 or 16. */
    static final int N = F.length();

    /** Shorts of as many lanes. */
    static final VectorSpecies<Short> S =
            N == 16 ? ShortVector.SPECIES_256 : N == 8 ? ShortVector.SPECIES_128 : ShortVector.SPECIES_64;
    /** Four lanes of bytes have no species of their own: eight are read and the first four used. */
    static final VectorSpecies<Byte> B = N == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    /** Turns the bits of a half float, moved to a float's place, into its value: 2^112. */
    private static final float HALF_BIAS = 0x1p112f;

    private static final int TOP_BYTE = 0xff000000;
    /** What a byte taken out of an int is to be multiplied with. */
    static final float BYTE_UNIT = 0x1p-24f;

    /** Rotations; only those below {@link #N} are used. */
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(F, 8, 1, true);

    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(F, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(F, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(F, 1, 1, true);

    /** Sixteen lanes only: the first eight twice, the second time to be moved down by a nibble. */
    private static final VectorShuffle<Integer> TWICE = VectorShuffle.fromOp(I, i -> i % 8);

    private static final IntVector DOWN = IntVector.fromArray(I, new int[] {
        0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4
    }, 0);

    private Lanes() {}

    private static VectorSpecies<Float> floats() {
        int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        int bits = Integer.getInteger("gambit.vector.bits", Math.min(512, preferred));
        return switch (bits) {
            case 128 -> FloatVector.SPECIES_128;
            case 256 -> FloatVector.SPECIES_256;
            case 512 -> FloatVector.SPECIES_512;
            default -> throw new IllegalArgumentException("gambit.vector.bits is " + bits + ", not 128, 256 or 512");
        };
    }

    /**
     * Adds the lanes up in a fixed order. {@code reduceLanes} leaves the order open, and gives other bits once it has been
     * compiled.
     */
    static float sum(FloatVector v) {
        FloatVector s = v;
        if (N == 16) {
            s = s.add(s.rearrange(BY_8));
        }
        if (N >= 8) {
            s = s.add(s.rearrange(BY_4));
        }
        s = s.add(s.rearrange(BY_2));
        return s.add(s.rearrange(BY_1)).lane(0);
    }

    /** Loads floats. */
    static FloatVector floats(MemorySegment s, long offset) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        return FloatVector.fromMemorySegment(F, s, offset, LE);
    }

    /** Loads signed bytes as floats. */
    static FloatVector bytes(MemorySegment s, long offset) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        return (FloatVector) ByteVector.fromMemorySegment(B, s, offset, LE).convertShape(VectorOperators.B2F, F, 0);
    }

    /** Loads 16-bit words as ints, the upper half zero. */
    static IntVector words(MemorySegment s, long offset) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        return (IntVector) ShortVector.fromMemorySegment(S, s, offset, LE).convertShape(VectorOperators.ZERO_EXTEND_S2I,
                I, 0);
    }

    /** Loads ints. */
    static IntVector ints(MemorySegment s, long offset) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        return IntVector.fromMemorySegment(I, s, offset, LE);
    }

    /** Turns byte 0 of each int into {@code 2^24} times its value, as do the next three with theirs: {@link #BYTE_UNIT}. */
    static FloatVector byte0(IntVector v) {
        return (FloatVector) v.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
    }

    static FloatVector byte1(IntVector v) {
        return (FloatVector) v.lanewise(VectorOperators.LSHL, 16).and(TOP_BYTE).convert(VectorOperators.I2F, 0);
    }

    static FloatVector byte2(IntVector v) {
        return (FloatVector) v.lanewise(VectorOperators.LSHL, 8).and(TOP_BYTE).convert(VectorOperators.I2F, 0);
    }

    static FloatVector byte3(IntVector v) {
        return (FloatVector) v.and(TOP_BYTE).convert(VectorOperators.I2F, 0);
    }

    /** The brain floats in the lower halves of ints. */
    static FloatVector lowBrainFloats(IntVector v) {
        return v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** The brain floats in the upper halves of ints. */
    static FloatVector highBrainFloats(IntVector v) {
        return v.and(0xffff0000).reinterpretAsFloats();
    }

    /** The half floats in the lower halves of ints; see {@link #halves}. */
    static FloatVector lowHalves(IntVector v) {
        return highHalves(v.lanewise(VectorOperators.LSHL, 16));
    }

    /** The half floats in the upper halves of ints. */
    static FloatVector highHalves(IntVector v) {
        return v.lanewise(VectorOperators.ASHR, 3)
                .and(0x8fffe000)
                .reinterpretAsFloats()
                .mul(HALF_BIAS);
    }

    /** Loads brain floats. */
    static FloatVector brainFloats(MemorySegment s, long offset) {
        return words(s, offset).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** Loads half floats; infinities and NaN, which weights and caches do not hold, come out as large numbers. */
    static FloatVector halves(MemorySegment s, long offset) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        IntVector bits = (IntVector) ShortVector.fromMemorySegment(S, s, offset, LE).convertShape(VectorOperators.S2I,
                I, 0);
        return bits.lanewise(VectorOperators.LSHL, 13)
                .and(0x8fffe000)
                .reinterpretAsFloats()
                .mul(HALF_BIAS);
    }

    /**
     * Loads a column's 64 nibbles of a tile so that those of outputs {@code 16k + h …} are bits {@code 8k … 8k+3} of its lanes.
     *
     * @param h a multiple of {@link #N} below 16
     */
    static IntVector nibbleInts(MemorySegment s, long offset, int h) {
        if (N < 16) {
            return ints(s, offset + 4 * (h % 8)).lanewise(VectorOperators.LSHR, 4 * (h / 8));
        }
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        return ((IntVector) IntVector.fromMemorySegment(IntVector.SPECIES_256, s, offset, LE).reinterpretShape(I, 0))
                .rearrange(TWICE)
                .lanewise(VectorOperators.LSHR, DOWN);
    }

    /** Turns the nibble of each int that {@code mask} picks, {@code 15 << b}, into {@code 2^b} times its value. */
    static FloatVector nibbles(IntVector v, IntVector mask) {
        return (FloatVector) v.and(mask).convert(VectorOperators.I2F, 0);
    }

    /** The mask of the nibble from bit {@code b} on. */
    static IntVector nibbleMask(int b) {
        return IntVector.broadcast(I, 15 << b);
    }
}
