/** Finds thresholds: statistics of a model's activations on a text, the sidecar made of them, and what they cost in accuracy. */
package dev.gambit.calibration;
