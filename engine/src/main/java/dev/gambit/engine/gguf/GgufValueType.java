package dev.gambit.engine.gguf;

/** The types a GGUF metadata value can have; the ordinal is the number in the file. */
public enum GgufValueType {
    UINT8,
    INT8,
    UINT16,
    INT16,
    UINT32,
    INT32,
    FLOAT32,
    BOOL,
    STRING,
    ARRAY,
    UINT64,
    INT64,
    FLOAT64
}
