package dev.gambit.calibration;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.Sidecar;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes what {@link Sidecar} reads: for each layer the channels' weights and a table of quantiles for each magnitude, and
 * the policies as lists of sites. Neither times nor paths go into the file: the same statistics give the same bytes.
 */
public final class SidecarWriter {

    private static final int LEVELS = 20;
    private static final String TOOL = "gambit calibrate";

    /** Names as in the literature: without a suffix the better of the two importances is taken. */
    private static final String DEFAULT_POLICY = "chess-attn";

    private static final Map<String, String[]> POLICIES = policies();

    private SidecarWriter() {}

    private static Map<String, String[]> policies() {
        String abs = rule("FFN_ACT", ActivationTable.IMPORTANCE_ABS) + " ffn_up.abs_mean";
        String rms = rule("FFN_ACT", ActivationTable.IMPORTANCE_RMS) + " ffn_up.rms";
        String q = rule("Q_IN", ActivationTable.ATTN_IN);
        String o = rule("O_IN", ActivationTable.ATTN_OUT);
        Map<String, String[]> p = new LinkedHashMap<>();
        p.put("chess", new String[] {rms});
        p.put("chess-attn", new String[] {q, o, rms});
        p.put("chess-abs", new String[] {abs});
        p.put("chess-rms", new String[] {rms});
        p.put("chess-attn-abs", new String[] {q, o, abs});
        p.put("chess-attn-rms", new String[] {q, o, rms});
        p.put("cats", new String[] {rule("FFN_ACT", ActivationTable.GATE_ABS)});
        return p;
    }

    private static String rule(String site, ActivationTable table) {
        return site + " " + table.quantileName();
    }

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
        out.put("chess.policy.default", DEFAULT_POLICY);
        out.put("chess.policies", POLICIES.keySet().toArray(String[]::new));
        POLICIES.forEach((name, rules) -> out.put("chess.policy." + name, rules));
        for (int l = 0; l < base.layers(); l++) {
            String block = "blk." + l + ".";
            LayerStatistics layer = statistics.layer(l);
            vector(out, block + "ffn_up.abs_mean", layer.absMean());
            vector(out, block + "ffn_up.rms", layer.rms());
            for (ActivationTable table : ActivationTable.values()) {
                vector(out, block + table.quantileName(), statistics.quantiles(l, table));
            }
        }
        out.write(target);
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
