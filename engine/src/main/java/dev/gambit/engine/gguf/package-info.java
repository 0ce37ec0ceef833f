/** Reading and writing GGUF files over off-heap memory. */
package dev.gambit.engine.gguf;
