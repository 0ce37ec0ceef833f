/** {@code gambit serve}: a model behind OpenAI's and llama.cpp's HTTP paths. */
package dev.gambit.app.server;
