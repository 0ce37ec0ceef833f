package dev.gambit.calibration;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.Sidecar;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes what {@link Sidecar} reads: for each layer the channels' weights and a table of quantiles for each magnitude, and
 * the policies as lists of sites. Neither times nor paths go into the file: the same statistics give the same bytes.
 */
public final class SidecarWriter {

    private static final int LEVELS = 20;
    private static final String TOOL = "gambit calibrate";

    private static final String DEFAULT_POLICY = "chess-attn";

    private SidecarWriter() {}

    /** Returns the sparsity levels of the tables: 0.00, 0.05, … 0.95. */
    public static double[] levels() {
        double[] levels = new double[LEVELS];
        for (int i = 0; i < LEVELS; i++) {
            levels[i] = i / (double) LEVELS;
        }
        return levels;
    }

    /**
     * Writes a sidecar.
     *
     * @param statistics of at least one window
     * @param target where to; a file that is there is replaced whole or not at all
     */
    public static void write(CalibrationStatistics statistics, Path target) {
        write(statistics, List.of(), target);
    }

    /**
     * Writes a sidecar that holds searched policies, too; Gambit's own, where it is one of them, is the default.
     *
     * @param searched what searches found, none or more
     */
    public static void write(CalibrationStatistics statistics, List<SearchedPolicy> searched, Path target) {
        BaseModel base = statistics.base();
        GgufWriter out = new GgufWriter();
        out.put("general.type", "adapter");
        out.put("general.architecture", base.architecture());
        out.put("general.name", base.name() + " CHESS");
        out.put("adapter.type", "chess");
        out.put("chess.version", 1L);
        out.put("chess.activation", "silu");
        out.put("chess.sparsity.levels", floats(levels()));
        base.write(out);
        calibration(statistics, out);
        out.put("chess.policy.default", searched.stream().anyMatch(p -> p.name().equals(BudgetSearch.POLICY))
                ? BudgetSearch.POLICY : DEFAULT_POLICY);
        List<SparsityPolicy> policies = policies(statistics);
        List<String> names = new ArrayList<>(policies.stream().map(SparsityPolicy::name).toList());
        for (SearchedPolicy p : searched) {
            names.add(p.name());
            out.put("chess.policy." + p.name(), p.lines());
        }
        out.put("chess.policies", names.toArray(String[]::new));
        for (SparsityPolicy p : policies) {
            out.put("chess.policy." + p.name(), p.rules().stream().map(SparsityPolicy.Rule::line).toArray(
                    String[]::new));
        }
        for (int l = 0; l < base.layers(); l++) {
            String block = "blk." + l + ".";
            LayerStatistics layer = statistics.layer(l);
            for (SearchedPolicy p : searched) {
                p.write(out, l);
            }
            for (ChannelWeight weight : ChannelWeight.values()) {
                if (statistics.hasColumnNorms() || !weight.isNorm()) {
                    vector(out, block + weight.tensorName(), weight.of(layer));
                }
            }
            for (ActivationTable table : ActivationTable.values()) {
                if (statistics.hasColumnNorms() || !table.needsNorms()) {
                    vector(out, block + table.quantileName(), statistics.quantiles(l, table));
                }
            }
        }
        out.write(target);
    }

    /** Returns the policies that the statistics can serve: all, or those that need no norms of columns. */
    private static List<SparsityPolicy> policies(CalibrationStatistics statistics) {
        return SparsityPolicy.all().stream()
                .filter(p -> statistics.hasColumnNorms() || p.rules().stream().noneMatch(r -> r.table().needsNorms()))
                .toList();
    }

    /** Adds the {@code chess.calibration.*} keys. */
    static void calibration(CalibrationStatistics statistics, GgufWriter out) {
        out.put("chess.calibration.datasets", statistics.datasets().toArray(String[]::new));
        out.put("chess.calibration.chunk_count", statistics.chunks());
        out.put("chess.calibration.chunk_size", statistics.chunkSize());
        out.put("chess.calibration.token_count", statistics.tokens());
        out.put("chess.calibration.tool", TOOL);
    }

    static void vector(GgufWriter out, String name, float[] values) {
        out.tensor(name, GgmlType.F32, new long[] {values.length}, MemorySegment.ofArray(values));
    }

    private static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }
}
