package dev.gambit.app;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cuda.StepCost;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.io.PrintStream;
import java.util.List;
import java.util.Set;

/**
 * What decoding should take on a Jetson, for those who have none yet: the bytes that the kernels load, over the memory's
 * bandwidth, and the time between kernels. A prediction, not a measurement; docs/jetson.md holds what it prints.
 */
final class JetsonPrediction {

    /** Positions in the context. */
    private static final int POSITIONS = 1024;
    /** What a kernel of a graph costs besides its bytes: an assumption, three times what it is on an H100. */
    private static final double LAUNCH_SECONDS = 3e-6;
    /** What is left of the bandwidth by the data sheet in practice: an assumption. */
    private static final double REACHED = 0.75;
    /** Fraction of the channels of CHESS's sites that is kept. */
    private static final double KEPT = 0.5;

    /** A board, by the bandwidth of its memory in bytes per second. */
    enum Board {
        ORIN("Jetson AGX Orin", 204.8e9), ORIN_NX("Jetson Orin NX", 102.4e9), ORIN_NANO("Jetson Orin Nano", 68e9);

        private final String label;
        private final double bandwidth;

        Board(String label, double bandwidth) {
            this.label = label;
            this.bandwidth = bandwidth;
        }

        /** {@return the name on the command line, such as {@code orin-nx}} */
        @Override
        public String toString() {
            return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }
    }

    /** A model's shape, with the vocabulary of Llama 3. */
    private record Shape(String name, boolean tied, ModelConfig config) {

        Shape(String name, boolean tied, int layers, int embedding, int feedForward, int heads) {
            this(name, tied, new ModelConfig(layers, embedding, feedForward, heads, 8, embedding / heads,
                    embedding / heads, 128_256, 131_072, 1e-5f, embedding / heads, 500_000, 1));
        }
    }

    private static final List<Shape> SHAPES = List.of(
            new Shape("1B (Llama 3.2)", true, 16, 2048, 8192, 32),
            new Shape("3B (Llama 3.2)", true, 28, 3072, 8192, 24),
            new Shape("8B (Llama 3.1)", false, 32, 4096, 14336, 32));

    private JetsonPrediction() {}

    /** Prints the table of a board. */
    static void print(Board board, PrintStream out) {
        out.println(board.label + ", " + Numbers.fixed(board.bandwidth / 1e9, 1)
                + " GB/s. Predicted, not measured: bytes / bandwidth + launches x "
                + Numbers.fixed(1e6 * LAUNCH_SECONDS, 1) + " us;");
        out.println(POSITIONS + " positions in an f16 cache; sparse is CHESS with attention, "
                + Numbers.percent(KEPT) + " of its sites' channels kept.");
        out.println();
        out.println("| model | type | weights | | MB/token | launches | t/s at "
                + Numbers.fixed(board.bandwidth / 1e9, 1) + " GB/s | t/s at " + Math.round(100 * REACHED)
                + " % of it |");
        out.println("|---|---|---:|---|---:|---:|---:|---:|");
        for (Shape shape : SHAPES) {
            for (GgmlType type : List.of(GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0)) {
                row(board, shape, type, "dense", Set.of(), out);
                row(board, shape, type, "sparse", StepCost.chessAttention(), out);
            }
        }
    }

    private static void row(Board board, Shape shape, GgmlType type, String how, Set<Site> sites, PrintStream out) {
        StepCost cost = StepCost.of(shape.config, type, shape.tied, sites, KEPT, POSITIONS, board.bandwidth);
        long bytes = cost.weightBytes() + cost.cacheBytes();
        out.println("| " + shape.name + " | " + type + " | " + Numbers.bytes(cost.deviceBytes()) + " | " + how + " | "
                + Numbers.fixed(bytes / 1e6, 0) + " | " + cost.launches() + " | "
                + Numbers.fixed(tokensPerSecond(bytes, board.bandwidth, cost.launches()), 1) + " | "
                + Numbers.fixed(tokensPerSecond(bytes, REACHED * board.bandwidth, cost.launches()), 1) + " |");
    }

    private static double tokensPerSecond(long bytes, double bandwidth, int launches) {
        return 1 / (bytes / bandwidth + launches * LAUNCH_SECONDS);
    }
}
