package dev.gambit.cuda;

/**
 * How {@code step.cuh} lays out what host and device tell each other about a decode step; offsets in bytes.
 */
public final class StepLayout {

    /** Bytes of a command. */
    public static final int COMMAND_BYTES = 48;
    /** Offset in a command of the token to evaluate; negative for the one that the step before picked. */
    public static final int TOKEN = 0;
    /** Offset in a command of the token's position. */
    public static final int POSITION = 4;
    /** Offset in a command of how many of the likeliest tokens to report, 1 at least. */
    public static final int CANDIDATES = 8;
    /** Offset in a command of the number of the report to write. */
    public static final int SLOT = 12;
    /** Offset in a command of the address of layer 0's keys. */
    public static final int KEYS = 16;
    /** Offset in a command of the address of layer 0's values. */
    public static final int VALUES = 24;
    /** Offset in a command of the bytes from one layer's keys to the next's. */
    public static final int LAYER_KEYS = 32;
    /** Offset in a command of the bytes from one layer's values to the next's. */
    public static final int LAYER_VALUES = 40;
    /** Bytes of the device's record of the step in flight. */
    public static final int STEP_BYTES = COMMAND_BYTES + 16;

    /** Offset in a report of the step's number, from 1; written last. */
    public static final int SEQUENCE = 0;
    /** Offset in a report of the number of candidates. */
    public static final int COUNT = 4;
    /** Bytes of a report in front of its candidates' tokens. */
    public static final int REPORT_HEADER = 16;

    private StepLayout() {}

    /** {@return where a report's logits start: behind the tokens} */
    public static int logits(int capacity) {
        return REPORT_HEADER + 4 * capacity;
    }

    /** {@return where a report's counters start: behind the logits} */
    public static int counters(int capacity) {
        return REPORT_HEADER + 8 * capacity;
    }

    /** {@return the bytes of a report, a multiple of 64} */
    public static int reportBytes(int capacity, int counters) {
        return (counters(capacity) + 4 * counters + 63) / 64 * 64;
    }

    /**
     * The bytes that one position's keys or values take, as {@code cacheRowBytes} has it.
     *
     * @param cacheType 0 float, 1 half, 2 Q8_0
     * @param width entries of all heads
     * @return bytes, a multiple of 16
     */
    public static long cacheRowBytes(int cacheType, int width) {
        long n = switch (cacheType) {
            case 0 -> 4L * width;
            case 1 -> 2L * width;
            default -> width + width / 32 * 2L;
        };
        return (n + 15) / 16 * 16;
    }
}
