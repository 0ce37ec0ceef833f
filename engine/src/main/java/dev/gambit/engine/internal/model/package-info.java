/** A model's hyperparameters, its path through the layers, and what a backend has to do. */
package dev.gambit.engine.internal.model;
