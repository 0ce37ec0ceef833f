/** Models as Hugging Face has them: safetensors, {@code config.json}, {@code tokenizer.json}. */
package dev.gambit.engine.safetensors;
