package dev.gambit.engine.internal.cpu;

/**
 * The bytes that column products load: once for each column that any of the rows in a pass keeps. Scratch memory of one
 * thread.
 */
final class BytesRead {

    private final long[] kept;

    /**
     * @param inputs the most inputs of a matrix
     */
    BytesRead(int inputs) {
        kept = new long[inputs / 64 + 2];
    }

    /** Returns the bytes of the columns in groups {@code g0 … g1-1} that the first {@code n} of {@code x} keep. */
    long columns(PackedMatrix w, Kept[] x, int n, int g0, int g1) {
        int units = w.group / Kept.UNIT;
        int all = Math.min(w.inputs, g1 * w.group) - g0 * w.group;
        for (int r = 0; r < n; r++) {
            if (x[r].start[g1 * units] - x[r].start[g0 * units] == all) {
                return bytes(w, all, g1 - g0);
            }
        }
        if (n == 1) {
            int groups = 0;
            for (int g = g0; g < g1; g++) {
                groups += x[0].start[(g + 1) * units] > x[0].start[g * units] ? 1 : 0;
            }
            return bytes(w, x[0].start[g1 * units] - x[0].start[g0 * units], groups);
        }
        return union(w, x, n, g0, g1);
    }

    private long union(PackedMatrix w, Kept[] x, int n, int g0, int g1) {
        int units = w.group / Kept.UNIT;
        java.util.Arrays.fill(kept, g0 * w.group / 64, g1 * w.group / 64 + 1, 0L);
        for (int r = 0; r < n; r++) {
            int[] index = x[r].index;
            for (int k = x[r].start[g0 * units]; k < x[r].start[g1 * units]; k++) {
                kept[index[k] >> 6] |= 1L << index[k];
            }
        }
        int columns = 0;
        int groups = 0;
        long mask = w.group == 32 ? 0xffffffffL : 0xffffL;
        for (int g = g0; g < g1; g++) {
            int first = g * w.group;
            int c = Long.bitCount(kept[first >> 6] >>> (first & 63) & mask);
            columns += c;
            groups += c > 0 ? 1 : 0;
        }
        return bytes(w, columns, groups);
    }

    private static long bytes(PackedMatrix w, long columns, long groups) {
        return columns * w.plane.bytes(w.paddedOutputs) + groups * w.scaleBytesPerGroup();
    }
}
