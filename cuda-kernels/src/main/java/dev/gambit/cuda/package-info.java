/** CUDA kernels, one per file, with their launchers. */
package dev.gambit.cuda;
