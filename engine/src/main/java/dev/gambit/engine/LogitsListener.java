package dev.gambit.engine;

/** Receives logits of evaluated positions, block by block, on the thread that evaluates. */
@FunctionalInterface
public interface LogitsListener {

    /**
     * @param first index, within the evaluated tokens, of the first position of the block
     * @param rows positions in the block
     * @param logits {@code [rows][vocabulary]}; valid during the call only
     */
    void logits(int first, int rows, float[] logits);
}
