package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/**
 * Rows of half floats for {@link Gemm}, each multiplied with a power of two so that it fits.
 *
 * @param high {@code half[rows][stride]}
 * @param low what rounding left over, of the same shape; null where 11 bits suffice
 * @param unscale {@code float[rows]}, the inverse of each row's power of two
 */
public record HalfRows(DeviceMemory high, DeviceMemory low, DeviceMemory unscale) {}
