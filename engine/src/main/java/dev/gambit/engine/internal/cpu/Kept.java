package dev.gambit.engine.internal.cpu;

/**
 * The entries of a vector that a matrix is multiplied with: all of them, or those above their thresholds. Kept entries lie
 * compacted, in order of their index, with the bounds and sums of each group of 16, so that a kernel finds a group's
 * entries (groups of 32 are two of them) and folds zero points and minima in through the sum.
 */
final class Kept {

    /** The finest group of inputs that shares a scale. */
    static final int UNIT = 16;

    private static final double FILL_FROM = 0.15;
    private static final double NIBBLES_FILL_FROM = 0.05;
    private static final double NIBBLES_FILL_TO = 0.4;

    final int[] index;
    final float[] value;
    /** Where unit {@code u}'s entries start, {@code [units + 1]}. */
    final int[] start;
    /** Sum of a unit's kept entries, {@code [units + 1]}; the last is zero, for a group of two with one unit. */
    final float[] sum;

    private int count;
    private int kept;

    Kept(int capacity) {
        this(capacity, capacity);
    }

    /**
     * @param entries the most entries kept at a time
     * @param inputs of which they are
     */
    Kept(int entries, int inputs) {
        int units = (inputs + UNIT - 1) / UNIT;
        index = new int[entries];
        value = new float[entries];
        start = new int[units + 2];
        sum = new float[units + 1];
    }

    /** Returns the number of entries that a product goes through. */
    int count() {
        return count;
    }

    /** Returns the number of entries above their thresholds; fewer than {@link #count} where gaps are zeros. */
    int kept() {
        return kept;
    }

    /** Returns whether all inputs of groups {@code g0 … g1-1} are among the entries. */
    boolean isWhole(PackedMatrix w, int g0, int g1) {
        int units = w.group / UNIT;
        return start[g1 * units] - start[g0 * units] == Math.min(w.inputs, g1 * w.group) - g0 * w.group;
    }

    /** Says how many entries were put in by hand, and how many of them were kept. */
    void put(int entries, int keptEntries) {
        count = entries;
        kept = keptEntries;
    }

    /**
     * Returns whether a product had better go through the gaps, too, as zeros. Reading in order is what memory is good at, and
     * jumping breaks the order; nibbles are cheap to read and dear to unpack, so there it takes many jumps.
     *
     * @param w the matrix
     * @param kept entries above their thresholds
     * @param of entries in all
     */
    static boolean fillsGaps(PackedMatrix w, int kept, int of) {
        if (w.layout != PackedMatrix.Layout.COLUMNS || w.panel != PackedMatrix.TILE) {
            return false;
        }
        return w.plane == Plane.U4
                ? kept > NIBBLES_FILL_FROM * of && kept < NIBBLES_FILL_TO * of
                : kept > FILL_FROM * of;
    }

    /**
     * Holds the {@code n} entries from {@code first} on, all of them, {@code keptEntries} of which are above their thresholds.
     *
     * @param values the entries, zeros among them; may be {@link #value}
     */
    void whole(float[] values, int first, int n, int keptEntries) {
        System.arraycopy(values, 0, value, 0, n);
        for (int i = 0; i < n; i++) {
            index[i] = first + i;
        }
        for (int u = 0; u * UNIT < n; u++) {
            int end = Math.min(n, (u + 1) * UNIT);
            float s = 0;
            for (int i = u * UNIT; i < end; i++) {
                s += value[i];
            }
            int unit = first / UNIT + u;
            start[unit] = u * UNIT;
            sum[unit] = s;
            start[unit + 1] = end;
            start[unit + 2] = end;
        }
        put(n, keptEntries);
    }

    /** Keeps entry {@code i} iff {@code |x[i]| > threshold[i]}; all of them where there are no thresholds. */
    Kept select(float[] x, int n, float[] threshold) {
        if (threshold == null) {
            whole(x, 0, n, n);
            return this;
        }
        int k = 0;
        int units = (n + UNIT - 1) / UNIT;
        for (int u = 0; u < units; u++) {
            start[u] = k;
            float s = 0;
            int end = Math.min(n, (u + 1) * UNIT);
            for (int i = u * UNIT; i < end; i++) {
                int bits = Float.floatToRawIntBits(x[i]);
                int keep = above(bits, threshold[i]);
                // The entry is written in any case and overwritten by the next: no branch to mispredict.
                index[k] = i;
                value[k] = x[i];
                s += Float.intBitsToFloat(bits & -keep);
                k += keep;
            }
            sum[u] = s;
        }
        start[units] = k;
        start[units + 1] = k;
        sum[units] = 0;
        put(k, k);
        return this;
    }

    /** Returns 1 where the number of these bits is larger than the threshold, whatever its sign; else 0. */
    static int above(int bits, float threshold) {
        // Floats without their sign are ordered as their bits are: a comparison of floats would be a branch.
        return (int) ((long) Float.floatToRawIntBits(threshold) - (bits & Integer.MAX_VALUE) >>> 63);
    }

    /** Returns the sum of the kept entries of group {@code g} of {@code units} units, one or two. */
    float groupSum(int g, int units) {
        return units == 1 ? sum[g] : sum[2 * g] + sum[2 * g + 1];
    }

    /** Returns the number of groups of {@code size} inputs, of {@code n} in all, that keep at least one entry. */
    int occupiedGroups(int n, int size) {
        int step = size / UNIT;
        int occupied = 0;
        int units = (n + UNIT - 1) / UNIT;
        for (int u = 0; u < units; u += step) {
            occupied += start[Math.min(u + step, units)] > start[u] ? 1 : 0;
        }
        return occupied;
    }
}
