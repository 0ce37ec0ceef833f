/** The CUDA driver through JCuda, for those who have it: x86-64 Linux only. */
package dev.gambit.bindings.jcuda;
