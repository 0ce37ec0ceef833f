package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.util.Collections;
import java.util.Map;

/** The key–value part of a GGUF file, in file order, with typed access. */
public final class GgufMetadata {

    private final String source;
    private final Map<String, GgufValue> values;

    /**
     * @param source what to call this file in messages
     * @param values the values in file order
     */
    public GgufMetadata(String source, Map<String, GgufValue> values) {
        this.source = source;
        this.values = Collections.unmodifiableMap(values);
    }

    /** Returns what this file is called in messages. */
    public String source() {
        return source;
    }

    /** Returns all values in file order. */
    public Map<String, GgufValue> values() {
        return values;
    }

    /** Returns whether the key is there. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** Returns a string, or {@code fallback} where the key is absent. */
    public String string(String key, String fallback) {
        return has(key) ? get(key, String.class, "a string") : fallback;
    }

    /** Returns an integer of any width, or {@code fallback} where the key is absent. */
    public long integer(String key, long fallback) {
        return has(key) ? get(key, Long.class, "an integer") : fallback;
    }

    /** Returns a float, or {@code fallback} where the key is absent. */
    public double real(String key, double fallback) {
        return has(key) ? get(key, Double.class, "a float") : fallback;
    }

    /** Returns a boolean, or {@code fallback} where the key is absent. */
    public boolean bool(String key, boolean fallback) {
        return has(key) ? get(key, Boolean.class, "a boolean") : fallback;
    }

    /** Returns an array of strings, or null where the key is absent. */
    public String[] strings(String key) {
        return has(key) ? get(key, String[].class, "an array of strings") : null;
    }

    /** Returns an array of integers, or null where the key is absent. */
    public long[] integers(String key) {
        return has(key) ? get(key, long[].class, "an array of integers") : null;
    }

    /** Returns an array of floats, or null where the key is absent. */
    public float[] reals(String key) {
        return has(key) ? get(key, float[].class, "an array of floats") : null;
    }

    /** Returns a string that has to be there. */
    public String requireString(String key) {
        return require(key).string(key, null);
    }

    /** Returns an integer that has to be there, within {@code [min, max]}. */
    public int requireInt(String key, int min, int max) {
        return checkedInt(key, require(key).integer(key, 0), min, max);
    }

    /** Returns an integer within {@code [min, max]}, or {@code fallback} where the key is absent. */
    public int optionalInt(String key, int min, int max, int fallback) {
        return has(key) ? checkedInt(key, integer(key, 0), min, max) : fallback;
    }

    private int checkedInt(String key, long value, int min, int max) {
        if (value < min || value > max) {
            throw new ModelFormatException(GambitException.line(
                    source + ": " + key, min + " to " + max, value, "the file is damaged or not of this kind"));
        }
        return (int) value;
    }

    private GgufMetadata require(String key) {
        if (!has(key)) {
            throw new ModelFormatException(GambitException.line(
                    source + ": " + key, "the key", "none", "the file is incomplete or of another kind"));
        }
        return this;
    }

    private <T> T get(String key, Class<T> type, String expected) {
        GgufValue value = values.get(key);
        if (!type.isInstance(value.value())) {
            throw new ModelFormatException(GambitException.line(
                    source + ": " + key,
                    expected,
                    value.type() + (value.elementType() == null ? "" : " of " + value.elementType()),
                    "the file is damaged or not of this kind"));
        }
        return type.cast(value.value());
    }
}
