package dev.gambit.engine;

/** How keys and values are kept between tokens. */
public enum KvCacheType {
    /** 32-bit floats. */
    F32,
    /** Half floats, the default. */
    F16,
    /** A signed byte each and a half-float scale for every 32. */
    Q8_0;

    /**
     * Returns the bytes that {@code n} entries take.
     *
     * @param n a head's dimensions, a multiple of 32 for {@link #Q8_0}
     */
    public long bytes(int n) {
        return switch (this) {
            case F32 -> 4L * n;
            case F16 -> 2L * n;
            case Q8_0 -> n + n / 32 * 2L;
        };
    }

    /**
     * Returns the type with llama.cpp's name for it: {@code f32}, {@code f16} or {@code q8_0}.
     *
     * @throws GambitException for another name
     */
    public static KvCacheType of(String name) {
        for (KvCacheType type : values()) {
            if (type.name().equalsIgnoreCase(name)) {
                return type;
            }
        }
        throw new GambitException(
                GambitException.line("--cache-type", "f32, f16 or q8_0", name, "choose one of these"));
    }
}
