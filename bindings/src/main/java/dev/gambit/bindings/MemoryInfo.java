package dev.gambit.bindings;

/**
 * The memory of the current context's device.
 *
 * @param free bytes that can still be allocated
 * @param total bytes there are
 */
public record MemoryInfo(long free, long total) {}
