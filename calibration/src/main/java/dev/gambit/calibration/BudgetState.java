package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.Site;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How far a {@link BudgetSearch} has come, in a file that is replaced whole after each step: a killed search goes on. */
final class BudgetState {

    private static final String TYPE = "chess-search";
    private static final int VERSION = 2;

    final Sensitivities sensitivities;
    /** {@code ln T} of the budgets that are done, {@code [layer][site]}. */
    final List<double[][]> nodes = new ArrayList<>();
    /** {@code ln T} to begin the next budget with, {@code [layer][site]}; null before the first. */
    double[][] next;
    /** Batches whose gradients are in the sensitivities. */
    int batches;

    private final Path file;
    private final String identity;

    private BudgetState(Path file, String identity, Sensitivities sensitivities) {
        this.file = file;
        this.identity = identity;
        this.sensitivities = sensitivities;
    }

    /**
     * Reads a state, or begins one where there is none, or one of another model or text.
     *
     * @param file where; null for nowhere
     */
    static BudgetState open(Path file, BaseModel model, TokenWindows windows, Sensitivities sensitivities) {
        int hash = 1;
        for (int w = 0; w < windows.count(); w++) {
            hash = 31 * hash + Arrays.hashCode(windows.window(w));
        }
        String identity = model.fingerprint() + " " + model.fileType() + " " + windows.count() + "x" + windows.size()
                + " " + Integer.toHexString(hash);
        BudgetState state = new BudgetState(file, identity, sensitivities);
        if (file != null && Files.exists(file)) {
            try (GgufFile gguf = GgufFile.open(file)) {
                GgufMetadata m = gguf.metadata();
                if (!m.string("general.type", "").equals(TYPE)) {
                    throw new ModelFormatException(GambitException.line(
                            file + ": general.type", TYPE, m.string("general.type", "none"),
                            "it is no state of a search: name another file or move it away"));
                }
                if (m.string("chess.search.identity", "").equals(identity)
                        && m.integer("chess.search.version", 0) == VERSION) {
                    state.read(gguf);
                }
            }
        }
        return state;
    }

    private void read(GgufFile gguf) {
        batches = gguf.metadata().requireInt("chess.search.batches", 0, 1 << 24);
        int done = gguf.metadata().requireInt("chess.search.budgets", 0, 1000);
        float[][][] sums = sensitivities.sums;
        for (int l = 0; l < sums.length; l++) {
            for (Site s : Site.values()) {
                float[] to = sums[l][s.ordinal()];
                vector(gguf, name(l, s), to);
            }
        }
        for (int n = 0; n < done; n++) {
            nodes.add(levels(gguf, "search.budget." + n));
        }
        if (gguf.find("search.next") != null) {
            next = levels(gguf, "search.next");
        }
    }

    private double[][] levels(GgufFile gguf, String name) {
        double[][] out = new double[sensitivities.sums.length][Site.COUNT];
        float[] flat = new float[out.length * Site.COUNT];
        vector(gguf, name, flat);
        for (int i = 0; i < flat.length; i++) {
            out[i / Site.COUNT][i % Site.COUNT] = flat[i];
        }
        return out;
    }

    private static void levels(GgufWriter out, String name, double[][] levels) {
        float[] flat = new float[levels.length * Site.COUNT];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = (float) levels[i / Site.COUNT][i % Site.COUNT];
        }
        SidecarWriter.vector(out, name, flat);
    }

    private static void vector(GgufFile gguf, String name, float[] to) {
        GgufTensor t = gguf.require(name);
        if (t.elements() != to.length) {
            throw new ModelFormatException(GambitException.line(
                    gguf.metadata().source() + ": " + name, to.length + " entries", t.elements(),
                    "the file is damaged: delete it"));
        }
        try (Arena arena = Arena.ofConfined()) {
            Dequantizer.row(t.type(), gguf.map(t, arena), 0, to.length, to, 0);
        }
    }

    private static String name(int layer, Site site) {
        return "blk." + layer + "." + SearchedPolicy.prefix(BudgetSearch.POLICY, site) + ".square_sum";
    }

    /** Writes the state, whole or not at all. */
    void save() {
        if (file == null) {
            return;
        }
        GgufWriter out = new GgufWriter();
        out.put("general.type", TYPE);
        out.put("chess.search.version", VERSION);
        out.put("chess.search.identity", identity);
        out.put("chess.search.batches", batches);
        out.put("chess.search.budgets", nodes.size());
        float[][][] sums = sensitivities.sums;
        for (int l = 0; l < sums.length; l++) {
            for (Site s : Site.values()) {
                SidecarWriter.vector(out, name(l, s), sums[l][s.ordinal()]);
            }
        }
        for (int n = 0; n < nodes.size(); n++) {
            levels(out, "search.budget." + n, nodes.get(n));
        }
        if (next != null) {
            levels(out, "search.next", next);
        }
        out.write(file);
    }
}
