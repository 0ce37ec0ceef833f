package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Damages a header at random and parses it. By hand, for as long as one likes:
 * {@code java -cp target/classes:target/test-classes dev.gambit.engine.gguf.GgufFuzz 10000000 1}
 */
final class GgufFuzz {

    static final long[] EXTREMES = {
        0, 1, -1, 2, 12, 13, 31, 33, 127, 128, 255, 256, Short.MAX_VALUE, 65_536, Integer.MAX_VALUE, Integer.MIN_VALUE,
        1L << 32, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE - 31, 1L << 62
    };

    private final byte[] original;
    private final byte[] damaged;
    private final int headerBytes;
    private int accepted;
    private int refused;

    /**
     * @param original a sound file
     * @param headerBytes how much of it to damage
     */
    GgufFuzz(byte[] original, int headerBytes) {
        this.original = original;
        this.damaged = original.clone();
        this.headerBytes = headerBytes;
    }

    int accepted() {
        return accepted;
    }

    int refused() {
        return refused;
    }

    /** Parses damaged copies; anything but a {@link GambitException} gets out, with the execution's number. */
    void run(int executions, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < executions; i++) {
            SplittableRandom one = random.split();
            int length = damage(one);
            try {
                parse(MemorySegment.ofArray(damaged).asSlice(0, length));
            } catch (RuntimeException | Error e) {
                throw new AssertionError("execution " + i + " of seed " + seed, e);
            }
            System.arraycopy(original, 0, damaged, 0, headerBytes);
        }
    }

    /** Parses what may be refused, and checks what is not. */
    void parse(MemorySegment bytes) {
        GgufHeader header;
        try {
            header = GgufResources.parse(bytes);
        } catch (GambitException e) {
            if (e.getMessage().lines().count() != 1 || e.getMessage().length() > 600) {
                throw new AssertionError("not a line: " + e.getMessage());
            }
            refused++;
            return;
        }
        for (GgufTensor t : header.tensors().values()) {
            long end = Math.addExact(t.offset(), t.byteSize());
            if (t.offset() < 0 || end > bytes.byteSize() || t.byteSize() < 1
                    || t.type().bytes((long) t.rows() * t.columns()) != t.byteSize()) {
                throw new AssertionError(t + " in " + bytes.byteSize() + " bytes");
            }
        }
        accepted++;
    }

    /** Writes a number over the original, little-endian, and takes it back after parsing. */
    void overwrite(int at, long value, int count) {
        for (int i = 0; i < count; i++) {
            damaged[at + i] = (byte) (value >>> 8 * i);
        }
        try {
            parse(MemorySegment.ofArray(damaged));
        } catch (RuntimeException | Error e) {
            throw new AssertionError(count + " bytes of " + value + " at " + at, e);
        }
        System.arraycopy(original, at, damaged, at, count);
    }

    /** Returns the length to parse. */
    private int damage(SplittableRandom random) {
        int times = 1 + random.nextInt(4);
        int length = damaged.length;
        for (int i = 0; i < times; i++) {
            int at = random.nextInt(headerBytes - 8);
            switch (random.nextInt(8)) {
                case 0, 1 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> damaged[at] = (byte) random.nextInt();
                case 3 -> put(at, EXTREMES[random.nextInt(EXTREMES.length)], 8);
                case 4 -> put(at, EXTREMES[random.nextInt(EXTREMES.length)], 4);
                case 5 -> put(at, random.nextInt(2 * headerBytes), 8);
                case 6 -> System.arraycopy(original, random.nextInt(headerBytes - 8), damaged, at,
                        1 + random.nextInt(Math.min(64, headerBytes - at) - 1));
                default -> {
                    if (random.nextInt(8) == 0) {
                        length = random.nextInt(damaged.length);
                    } else {
                        Arrays.fill(damaged, at, at + 8, (byte) 0);
                    }
                }
            }
        }
        return length;
    }

    private void put(int at, long value, int count) {
        for (int i = 0; i < count; i++) {
            damaged[at + i] = (byte) (value >>> 8 * i);
        }
    }

    /**
     * Runs by hand.
     *
     * @param arguments how many executions, and from which seed
     */
    public static void main(String[] arguments) {
        int executions = Integer.parseInt(arguments[0]);
        long seed = Long.parseLong(arguments[1]);
        byte[] file = GgufResources.bytes(GgufResources.EVERY_VALUE);
        GgufFuzz fuzz = new GgufFuzz(file, headerBytes(file));
        long start = System.nanoTime();
        fuzz.run(executions, seed);
        System.out.printf("%d refused, %d accepted, %.1f s%n",
                fuzz.refused, fuzz.accepted, (System.nanoTime() - start) / 1e9);
    }

    /** Returns where a sound file's data starts. */
    static int headerBytes(byte[] file) {
        long start = file.length;
        for (GgufTensor t : GgufResources.parse(file).tensors().values()) {
            start = Math.min(start, t.offset());
        }
        return Math.toIntExact(start);
    }
}
