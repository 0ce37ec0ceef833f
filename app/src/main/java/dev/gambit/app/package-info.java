/** The {@code gambit} command. */
package dev.gambit.app;
