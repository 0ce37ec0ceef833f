package dev.gambit.engine;

/**
 * How long a generation took, as llama.cpp counts it: the prompt's evaluation yields the first token, each further
 * evaluation one more.
 *
 * @param promptTokens tokens of the prompt that were evaluated
 * @param promptNanos time for them
 * @param generatedTokens evaluations of generated tokens
 * @param generatedNanos time for them, sampling included
 */
public record Timings(int promptTokens, long promptNanos, int generatedTokens, long generatedNanos) {

    /** Prompt tokens a second; 0 where there were none. */
    public double promptPerSecond() {
        return promptNanos == 0 ? 0 : promptTokens * 1e9 / promptNanos;
    }

    /** Generated tokens a second; 0 where there were none. */
    public double generatedPerSecond() {
        return generatedNanos == 0 ? 0 : generatedTokens * 1e9 / generatedNanos;
    }
}
