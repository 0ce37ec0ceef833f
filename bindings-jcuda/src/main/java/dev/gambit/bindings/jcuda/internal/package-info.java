/** The driver through JCuda. Not API. */
package dev.gambit.bindings.jcuda.internal;
