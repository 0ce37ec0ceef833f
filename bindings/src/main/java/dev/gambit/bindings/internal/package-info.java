/** The driver through Java's foreign functions. Not API. */
package dev.gambit.bindings.internal;
