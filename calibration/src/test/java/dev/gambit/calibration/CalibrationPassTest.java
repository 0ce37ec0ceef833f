package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.ActivationListener.Vector;
import dev.gambit.engine.GambitException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationPassTest {

    private static final int WINDOWS = 5;

    @TempDir
    private Path folder;

    private static void checkTable(CalibrationStatistics s, int layer, ActivationTable table, List<float[]> rows) {
        int width = rows.getFirst().length;
        float[] sorted = new float[rows.size() * width];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] = Math.abs(rows.get(i / width)[i % width]);
        }
        Arrays.sort(sorted);
        double[] levels = SidecarWriter.levels();
        float[] quantiles = s.quantiles(layer, table);
        assertEquals(0, quantiles[0]);
        for (int i = 1; i < levels.length; i++) {
            float exact = sorted[Math.max(1, (int) (sorted.length * levels[i])) - 1];
            assertEquals(exact, quantiles[i], exact * MagnitudeHistogram.RELATIVE_ERROR, table + " at " + levels[i]);
        }
    }

    private static List<float[]> products(List<float[]> rows, java.util.function.IntFunction<float[]> with) {
        List<float[]> out = new ArrayList<>();
        for (int r = 0; r < rows.size(); r++) {
            float[] product = rows.get(r).clone();
            for (int i = 0; i < product.length; i++) {
                product[i] *= with.apply(r)[i];
            }
            out.add(product);
        }
        return out;
    }

    @Test
    void sumsAndQuantilesAreThoseOfAllTokensAndChannels() {
        CalibrationStatistics s = SyntheticActivations.calibrate(3, 0, WINDOWS);
        assertEquals(WINDOWS * SyntheticActivations.ROWS, s.tokens());
        for (int layer = 0; layer < SyntheticActivations.LAYERS; layer++) {
            int at = layer;
            Map<Vector, List<float[]>> rows = SyntheticActivations.rows(layer, WINDOWS);
            List<float[]> up = rows.get(Vector.FFN_UP);
            List<float[]> act = rows.get(Vector.FFN_ACT);
            float[] uAbs = s.layer(layer).absMean();
            float[] uRms = s.layer(layer).rms();
            for (int i = 0; i < uAbs.length; i++) {
                double abs = 0;
                double squares = 0;
                for (float[] row : up) {
                    abs += Math.abs(row[i]);
                    squares += (double) row[i] * row[i];
                }
                assertEquals(abs / up.size(), uAbs[i], 1e-6 * uAbs[i]);
                assertEquals(Math.sqrt(squares / up.size()), uRms[i], 1e-6 * uRms[i]);
            }
            checkTable(s, layer, ActivationTable.ATTN_IN, rows.get(Vector.ATTN_IN));
            checkTable(s, layer, ActivationTable.ATTN_OUT, rows.get(Vector.ATTN_OUT));
            checkTable(s, layer, ActivationTable.FFN_IN, rows.get(Vector.FFN_IN));
            checkTable(s, layer, ActivationTable.GATE_ABS, act);
            checkTable(s, layer, ActivationTable.DOWN_IN, products(act, up::get));
            Map<Projection, Vector> inputs = Map.of(
                    Projection.Q, Vector.ATTN_IN,
                    Projection.K, Vector.ATTN_IN,
                    Projection.V, Vector.ATTN_IN,
                    Projection.O, Vector.ATTN_OUT,
                    Projection.GATE, Vector.FFN_IN,
                    Projection.UP, Vector.FFN_IN);
            float[][] norms = SyntheticActivations.columnNorms()[layer];
            inputs.forEach((p, vector) -> checkTable(
                    s, at, p.weightedInput(), products(rows.get(vector), r -> norms[p.ordinal()])));
            checkTable(
                    s, layer, ActivationTable.WEIGHTED_DOWN,
                    products(products(act, up::get), r -> norms[Projection.DOWN.ordinal()]));
            checkTable(s, layer, ActivationTable.IMPORTANCE_ABS, products(act, r -> uAbs));
            checkTable(s, layer, ActivationTable.IMPORTANCE_RMS, products(act, r -> uRms));
        }
    }

    @Test
    void theSameBytesForAnyNumberOfThreads() throws Exception {
        List<byte[]> files = new ArrayList<>();
        for (int threads : new int[] {1, 2, 7}) {
            CalibrationStatistics s = SyntheticActivations.calibrate(threads, 0, WINDOWS);
            SidecarWriter.write(s, folder.resolve("sidecar"));
            StatisticsFile.write(s, folder.resolve("stats"));
            files.add(Files.readAllBytes(folder.resolve("sidecar")));
            files.add(Files.readAllBytes(folder.resolve("stats")));
        }
        for (int i = 2; i < files.size(); i++) {
            assertArrayEquals(files.get(i % 2), files.get(i));
        }
    }

    @Test
    void neitherTimesNorPathsAreInTheFile() throws Exception {
        CalibrationStatistics s = SyntheticActivations.calibrate(1, 0, 1);
        SidecarWriter.write(s, folder.resolve("a"));
        Thread.sleep(20);
        Path elsewhere = Files.createDirectory(folder.resolve("other"));
        SidecarWriter.write(s, elsewhere.resolve("b"));
        assertArrayEquals(Files.readAllBytes(folder.resolve("a")), Files.readAllBytes(elsewhere.resolve("b")));
    }

    @Test
    void activationsThatAreNotFiniteAreNoticed() {
        CalibrationStatistics s = SyntheticActivations.calibrate(1, 0, 1);
        s.layer(1).requireFinite(1);
        float[] up = new float[103];
        up[17] = Float.NaN;
        s.layer(1).addUp(up, 1, 103, 0, 103);
        String message = assertThrows(GambitException.class, () -> s.layer(1).requireFinite(1)).getMessage();
        assertTrue(message.contains("layer 1, ffn_up, channel 17"), message);
        s.layer(0).table(ActivationTable.ATTN_OUT).add(Float.POSITIVE_INFINITY);
        message = assertThrows(GambitException.class, () -> s.layer(0).requireFinite(0)).getMessage();
        assertTrue(message.contains("layer 0, attn_output.in_quantile"), message);
    }
}
