/** JSON Schema as a language of texts, after llama.cpp's json-schema-to-grammar. */
package dev.gambit.engine.internal.schema;
