package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * {@code ‖W[:,i]‖₂} of every projection: how much one unit of input channel {@code i} moves the output at most. Summed in
 * float64 over the weights as the file holds them, so another quantisation of a model has norms of its own, some tenths of
 * a percent away.
 */
final class ColumnNorms {

    private ColumnNorms() {}

    /**
     * Reads a model file.
     *
     * @return {@code [layer][projection][channel]}, projections in the order of {@link Projection}
     * @throws GambitException where a projection is missing
     */
    static float[][][] of(Path model, int layers, Workers workers) {
        Projection[] projections = Projection.values();
        float[][][] norms = new float[layers][projections.length][];
        try (GgufFile file = GgufFile.open(model)) {
            // one thread a matrix: the sum of a column does not depend on the number of threads
            workers.run(layers * projections.length, (from, to, worker) -> {
                for (int i = from; i < to; i++) {
                    int l = i / projections.length;
                    Projection p = projections[i % projections.length];
                    norms[l][p.ordinal()] = of(file, file.require("blk." + l + "." + p.weightName()));
                }
            });
        }
        return norms;
    }

    private static float[] of(GgufFile file, GgufTensor matrix) {
        int columns = matrix.columns();
        double[] squares = new double[columns];
        float[] row = new float[columns];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = file.map(matrix, arena);
            for (int r = 0; r < matrix.rows(); r++) {
                Dequantizer.row(matrix.type(), data, r, columns, row, 0);
                for (int i = 0; i < columns; i++) {
                    squares[i] += (double) row[i] * row[i];
                }
            }
        }
        float[] norms = new float[columns];
        for (int i = 0; i < columns; i++) {
            norms[i] = (float) Math.sqrt(squares[i]);
            if (!(norms[i] < Float.POSITIVE_INFINITY)) {
                throw new GambitException(GambitException.line(
                        file.metadata().source() + ": " + matrix.name() + ", column " + i,
                        "finite weights",
                        norms[i],
                        "the model's weights are damaged"));
            }
        }
        return norms;
    }
}
