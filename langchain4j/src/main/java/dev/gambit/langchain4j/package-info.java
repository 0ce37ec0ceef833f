/**
 * Gambit as langchain4j's models: {@link dev.gambit.langchain4j.GambitChatModel} and
 * {@link dev.gambit.langchain4j.GambitStreamingChatModel} run a GGUF file inside this process.
 */
package dev.gambit.langchain4j;
