/** The CPU backend: repacked weights off the heap, scalar and vector kernels, a team of threads. */
package dev.gambit.engine.internal.cpu;
