package dev.gambit.engine.gguf;

/**
 * One metadata value. Integers of any width are {@link Long} (an UINT64 above {@code Long.MAX_VALUE} is refused by the
 * reader), floats {@link Double}, then {@link Boolean} and {@link String}. Arrays are {@code long[]}, {@code float[]}
 * (FLOAT32), {@code double[]}, {@code boolean[]} or {@code String[]} by their element type.
 *
 * @param type the value's type; {@link GgufValueType#ARRAY} for arrays
 * @param elementType the type of an array's elements; null unless {@code type} is {@code ARRAY}
 * @param value the value as described above
 */
public record GgufValue(GgufValueType type, GgufValueType elementType, Object value) {}
