/** Languages that a generated text must belong to: expressions over bytes, and which tokens may come next. */
package dev.gambit.engine.internal.grammar;
