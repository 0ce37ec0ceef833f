/** Tokenizers: vocabularies, pre-tokenizers and the merging of symbols. */
package dev.gambit.engine.internal.tokenizer;
