package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufValue;
import dev.gambit.engine.gguf.GgufValueType;
import dev.gambit.engine.gguf.GgufWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Statistics on disk: GGUF with {@code general.type = chess-stats}. Numbers are kept exactly in 32-bit floats: a tensor of
 * shape {@code [n, rows]} holds {@code n} numbers, each the sum of its column; three rows hold any double of a sum's size,
 * two any count below 2⁴⁸. Of a histogram the bins between the first and the last that is not empty are kept.
 */
public final class StatisticsFile {

    private static final String TYPE = "chess-stats";
    private static final int VERSION = 1;
    private static final int SUM_ROWS = 3;
    private static final int COUNT_ROWS = 2;
    private static final int MAX_CHANNELS = 1 << 24;

    private StatisticsFile() {}

    /** Writes statistics; the same statistics give the same bytes. */
    public static void write(CalibrationStatistics statistics, Path target) {
        BaseModel base = statistics.base();
        GgufWriter out = new GgufWriter();
        out.put("general.type", TYPE);
        out.put("general.architecture", base.architecture());
        out.put("general.name", base.name() + " CHESS statistics");
        out.put("chess.stats.version", (long) VERSION);
        out.put("chess.stats.octave_bits", MagnitudeHistogram.OCTAVE_BITS);
        out.put("chess.stats.weight_drift", (float) statistics.weightDrift());
        base.write(out);
        SidecarWriter.calibration(statistics, out);
        List<ActivationTable> tables = tables(statistics.hasColumnNorms());
        for (ActivationTable table : tables) {
            long[] first = new long[base.layers()];
            for (int l = 0; l < first.length; l++) {
                first[l] = firstBin(statistics.layer(l).table(table));
            }
            out.put(table.firstBinKey(), new GgufValue(GgufValueType.ARRAY, GgufValueType.UINT32, first));
        }
        for (int l = 0; l < base.layers(); l++) {
            LayerStatistics layer = statistics.layer(l);
            String block = "blk." + l + ".";
            numbers(out, block + "ffn_up.abs_sum", layer.upAbsSum(), SUM_ROWS);
            numbers(out, block + "ffn_up.square_sum", layer.upSquareSum(), SUM_ROWS);
            for (Projection p : Projection.values()) {
                if (statistics.hasColumnNorms()) {
                    SidecarWriter.vector(out, block + p.normName(), layer.columnNorms(p));
                }
            }
            for (ActivationTable table : tables) {
                numbers(out, block + table.countsName(), counts(layer.table(table)), COUNT_ROWS);
            }
        }
        out.write(target);
    }

    /** Returns the tables that are kept; files of earlier versions hold neither norms nor what they weigh. */
    private static List<ActivationTable> tables(boolean norms) {
        return Stream.of(ActivationTable.values()).filter(t -> norms || !t.needsNorms()).toList();
    }

    private static int firstBin(MagnitudeHistogram h) {
        int bin = 0;
        while (bin < MagnitudeHistogram.BINS - 1 && h.count(bin) == 0) {
            bin++;
        }
        return bin;
    }

    private static double[] counts(MagnitudeHistogram h) {
        int first = firstBin(h);
        int last = MagnitudeHistogram.BINS - 1;
        while (last > first && h.count(last) == 0) {
            last--;
        }
        double[] counts = new double[last - first + 1];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = h.count(first + i);
        }
        return counts;
    }

    /** Splits numbers into rows of floats; rows that would be all zero are left out. */
    private static void numbers(GgufWriter out, String name, double[] values, int maxRows) {
        int n = values.length;
        float[] parts = new float[n * maxRows];
        int rows = 1;
        for (int i = 0; i < n; i++) {
            double rest = values[i];
            for (int r = 0; r < maxRows && rest != 0; r++) {
                parts[r * n + i] = (float) rest;
                rest -= (float) rest;
                rows = Math.max(rows, r + 1);
            }
        }
        MemorySegment data = MemorySegment.ofArray(parts).asSlice(0, 4L * n * rows);
        out.tensor(name, GgmlType.F32, new long[] {n, rows}, data);
    }

    /**
     * Reads statistics.
     *
     * @throws ModelFormatException where the file is damaged or of another kind
     * @throws GambitException where it cannot be read
     */
    public static CalibrationStatistics read(Path source) {
        try (GgufFile file = GgufFile.open(source)) {
            GgufMetadata m = file.metadata();
            require(m, "general.type", TYPE, m.string("general.type", "none"),
                    "pass a file that gambit calibrate --stats wrote");
            require(m, "chess.stats.version", VERSION, m.requireInt("chess.stats.version", 0, 1 << 16),
                    "use a newer Gambit");
            require(
                    m,
                    "chess.stats.octave_bits",
                    MagnitudeHistogram.OCTAVE_BITS,
                    m.requireInt("chess.stats.octave_bits", 0, 32),
                    "calibrate again");
            BaseModel base = BaseModel.read(m);
            int chunkSize = m.requireInt("chess.calibration.chunk_size", 2, 1 << 28);
            int chunks = m.requireInt("chess.calibration.chunk_count", 1, Integer.MAX_VALUE);
            String[] datasets = m.strings("chess.calibration.datasets");
            LayerStatistics[] layers = new LayerStatistics[base.layers()];
            for (int l = 0; l < layers.length; l++) {
                layers[l] = layer(file, base, l, (long) chunks * chunkSize);
            }
            double drift = m.real("chess.stats.weight_drift", 0);
            require(m, "chess.stats.weight_drift", "0 or more", drift >= 0 ? "0 or more" : drift, "calibrate again");
            return new CalibrationStatistics(
                    base, chunkSize, datasets == null ? List.of() : List.of(datasets), layers, chunks, drift);
        }
    }

    private static void require(GgufMetadata m, String key, Object expected, Object found, String cure) {
        if (!expected.equals(found)) {
            throw new ModelFormatException(GambitException.line(m.source() + ": " + key, expected, found, cure));
        }
    }

    private static LayerStatistics layer(GgufFile file, BaseModel base, int l, long tokens) {
        String block = "blk." + l + ".";
        LayerStatistics layer = new LayerStatistics(
                sums(file, block + "ffn_up.abs_sum", base), sums(file, block + "ffn_up.square_sum", base), tokens);
        boolean norms = file.find(block + Projection.Q.normName()) != null;
        if (norms) {
            layer.setColumnNorms(columnNorms(file, block, base));
        }
        for (ActivationTable table : tables(norms)) {
            String name = block + table.countsName();
            double[] counts = numbers(file, name, MagnitudeHistogram.BINS);
            long[] first = file.metadata().integers(table.firstBinKey());
            if (first == null || first.length != base.layers()
                    || first[l] < 0 || first[l] + counts.length > MagnitudeHistogram.BINS) {
                throw damaged(file, table.firstBinKey(), base.layers() + " bins from 0 to " + MagnitudeHistogram.BINS,
                        first == null ? "none" : "others");
            }
            for (int i = 0; i < counts.length; i++) {
                if (counts[i] != Math.rint(counts[i]) || counts[i] > 1L << 48) {
                    throw damaged(file, name, "counts", counts[i]);
                }
                if (counts[i] > 0) {
                    layer.table(table).add((int) first[l] + i, (long) counts[i]);
                }
            }
        }
        return layer;
    }

    private static float[][] columnNorms(GgufFile file, String block, BaseModel base) {
        float[][] norms = new float[Projection.values().length][];
        for (Projection p : Projection.values()) {
            String name = block + p.normName();
            double[] values = numbers(file, name, MAX_CHANNELS);
            int expected = switch (p) {
                case O -> values.length;
                case DOWN -> base.feedForward();
                default -> base.embedding();
            };
            if (values.length != expected) {
                throw damaged(file, name, expected + " channels", values.length);
            }
            norms[p.ordinal()] = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                norms[p.ordinal()][i] = (float) values[i];
            }
        }
        return norms;
    }

    private static double[] sums(GgufFile file, String name, BaseModel base) {
        double[] sums = numbers(file, name, base.feedForward());
        if (sums.length != base.feedForward()) {
            throw damaged(file, name, base.feedForward() + " channels", sums.length);
        }
        return sums;
    }

    private static double[] numbers(GgufFile file, String name, int max) {
        GgufTensor t = file.require(name);
        if (t.type() != GgmlType.F32 || t.columns() > max || t.rows() > SUM_ROWS) {
            throw damaged(file, name, "F32 of at most " + max + " x " + SUM_ROWS, t.type() + " of " + t.columns()
                    + " x " + t.rows());
        }
        double[] values = new double[t.columns()];
        float[] row = new float[values.length];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = file.map(t, arena);
            for (int r = 0; r < t.rows(); r++) {
                Dequantizer.row(t.type(), data, r, row.length, row, 0);
                for (int i = 0; i < row.length; i++) {
                    values[i] += row[i];
                }
            }
        }
        for (double v : values) {
            if (!(v >= 0 && v < Double.POSITIVE_INFINITY)) {
                throw damaged(file, name, "numbers of 0 or more", v);
            }
        }
        return values;
    }

    private static ModelFormatException damaged(GgufFile file, String what, Object expected, Object found) {
        return new ModelFormatException(GambitException.line(
                file.metadata().source() + ": " + what, expected, found, "the file is damaged; calibrate again"));
    }
}
