/** The backend that runs models on an NVIDIA GPU. Not API. */
package dev.gambit.engine.internal.cuda;
