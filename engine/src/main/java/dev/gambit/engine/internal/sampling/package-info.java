/** Drawing tokens from logits, with llama.cpp's default chain of samplers. */
package dev.gambit.engine.internal.sampling;
