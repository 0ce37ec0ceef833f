package dev.gambit.calibration;

/**
 * A histogram of magnitudes with {@value #BINS_PER_OCTAVE} bins for each power of two from 2⁻³² to 2³². The bins are the
 * leading bits of the float itself, so finding one takes a shift, and a bin is never wider than 2⁻¹¹ of its lower edge: a
 * quantile read from it, interpolated within the bin, is within {@value #RELATIVE_ERROR} of the exact one, relatively (in
 * practice within 1e-5, values lie evenly within bins that narrow). Magnitudes below 2⁻³² count as 0; the last bin also
 * takes what is larger or not a number. Counts are integers, so the order of additions does not matter.
 */
public final class MagnitudeHistogram {

    /** Bound of a quantile's relative error. */
    public static final double RELATIVE_ERROR = 1.0 / 2048;

    static final int OCTAVE_BITS = 11;
    static final int BINS_PER_OCTAVE = 1 << OCTAVE_BITS;
    static final int OCTAVES = 64;
    static final int BINS = OCTAVES * BINS_PER_OCTAVE;

    private static final int SHIFT = 23 - OCTAVE_BITS;
    /** The bits of 2⁻³². */
    private static final int BASE = (127 - OCTAVES / 2) << 23;

    /** Allocated octave by octave as they fill: most distributions take 25 of the 64. */
    private final long[][] octaves = new long[OCTAVES][];

    private long total;

    /** Returns the bin of a magnitude, without a branch. The sign is ignored. */
    static int bin(float x) {
        return bin(x, BASE, SHIFT, BINS);
    }

    /**
     * Returns the bin of a magnitude in a histogram whose bins are the leading bits of a float.
     *
     * @param base the bits of the first bin's lower edge
     * @param shift bits that do not tell bins apart
     * @param bins how many there are; the first and the last take what lies beyond
     */
    static int bin(float x, int base, int shift, int bins) {
        int k = ((Float.floatToRawIntBits(x) & 0x7fffffff) - base) >> shift;
        return Math.min(Math.max(k, 0), bins - 1);
    }

    /** Returns the smallest float of a bin; 0 for the first. */
    static float lowerEdge(int bin) {
        return bin == 0 ? 0f : Float.intBitsToFloat(BASE + (bin << SHIFT));
    }

    /** Adds one magnitude. */
    void add(float x) {
        add(bin(x), 1);
    }

    /** Adds to a bin's count. */
    synchronized void add(int bin, long count) {
        octave(bin >> OCTAVE_BITS)[bin & (BINS_PER_OCTAVE - 1)] += count;
        total += count;
    }

    private long[] octave(int o) {
        if (octaves[o] == null) {
            octaves[o] = new long[BINS_PER_OCTAVE];
        }
        return octaves[o];
    }

    /** Adds all counts of an array of {@value #BINS} and zeroes them. */
    synchronized void drain(int[] bins) {
        for (int o = 0; o < OCTAVES; o++) {
            int from = o << OCTAVE_BITS;
            int any = 0;
            for (int i = from; i < from + BINS_PER_OCTAVE; i++) {
                any |= bins[i];
            }
            if (any == 0) {
                continue;
            }
            long[] counts = octave(o);
            for (int i = 0; i < BINS_PER_OCTAVE; i++) {
                counts[i] += bins[from + i];
                total += bins[from + i];
                bins[from + i] = 0;
            }
        }
    }

    /** Adds another histogram's counts. */
    void add(MagnitudeHistogram other) {
        for (int o = 0; o < OCTAVES; o++) {
            if (other.octaves[o] != null) {
                long[] counts = octave(o);
                for (int i = 0; i < BINS_PER_OCTAVE; i++) {
                    counts[i] += other.octaves[o][i];
                }
            }
        }
        total += other.total;
    }

    /** Returns the count of a bin. */
    long count(int bin) {
        long[] counts = octaves[bin >> OCTAVE_BITS];
        return counts == null ? 0 : counts[bin & (BINS_PER_OCTAVE - 1)];
    }

    /** Returns the number of magnitudes added. */
    public long total() {
        return total;
    }

    /** Returns whether a magnitude was infinite, not a number, or so large that no sane model has it. */
    boolean overflowed() {
        return count(BINS - 1) > 0;
    }

    /**
     * Returns the {@code k}-th smallest magnitude, {@code k = max(1, floor(n · level))}; 0 at level 0 and for an empty
     * histogram.
     *
     * @param level from 0 to 1
     */
    public float quantile(double level) {
        if (level <= 0 || total == 0) {
            return 0f;
        }
        long k = Math.min(total, Math.max(1, (long) (total * level)));
        long before = 0;
        for (int o = 0; o < OCTAVES; o++) {
            if (octaves[o] == null) {
                continue;
            }
            for (int i = 0; i < BINS_PER_OCTAVE; i++) {
                long here = octaves[o][i];
                if (before + here >= k) {
                    return within((o << OCTAVE_BITS) + i, (k - before - 0.5) / here);
                }
                before += here;
            }
        }
        throw new IllegalStateException("counts do not add up to the total");
    }

    private static float within(int bin, double fraction) {
        if (bin == 0) {
            return 0f;
        }
        double low = lowerEdge(bin);
        return (float) (low + fraction * (lowerEdge(bin + 1) - low));
    }
}
