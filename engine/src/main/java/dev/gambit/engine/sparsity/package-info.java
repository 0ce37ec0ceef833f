/** What decides which weights are read: sites, thresholds and the sidecar file that holds them. */
package dev.gambit.engine.sparsity;
