/** The CUDA driver API seen from Java: generated bindings and the {@code CudaDriver} over them. */
package dev.gambit.bindings;
