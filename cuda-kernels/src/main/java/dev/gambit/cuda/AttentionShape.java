package dev.gambit.cuda;

/**
 * The shape of a model's attention and how its cache is stored.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key–value heads
 * @param keyLength entries of a head's query and key, at most 256
 * @param valueLength entries of a head's value, at most 256
 * @param pairs pairs of a head that are rotated
 * @param keyType how keys are stored: 0 float, 1 half, 2 Q8_0
 * @param valueType how values are stored
 */
public record AttentionShape(
        int heads, int kvHeads, int keyLength, int valueLength, int pairs, int keyType, int valueType) {

    /** The longest head that the kernels take. */
    public static final int MAX_LENGTH = 256;

    /** Checks the lengths. */
    public AttentionShape {
        if (kvHeads < 1 || heads % kvHeads != 0 || keyLength > MAX_LENGTH || valueLength > MAX_LENGTH) {
            throw new IllegalArgumentException("attention of " + heads + " heads on " + kvHeads + " of length "
                    + keyLength
                    + " and " + valueLength + ": expected a multiple of the key-value heads and lengths of at most "
                    + MAX_LENGTH);
        }
    }

    /** {@return the factor on scores} */
    public float scale() {
        return (float) (1 / Math.sqrt(keyLength));
    }

    /** {@return bytes of one position's keys of all heads} */
    public long keyRowBytes() {
        return StepLayout.cacheRowBytes(keyType, kvHeads * keyLength);
    }

    /** {@return bytes of one position's values of all heads} */
    public long valueRowBytes() {
        return StepLayout.cacheRowBytes(valueType, kvHeads * valueLength);
    }
}
