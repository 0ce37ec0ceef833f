/** Gambit's public API: open a model, generate text, choose how much of it is read per token. */
package dev.gambit.engine;
