package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StatisticsFileTest {

    private static final EnumSet<ActivationTable> WEIGHTED =
            EnumSet.of(ActivationTable.IMPORTANCE_ABS, ActivationTable.IMPORTANCE_RMS);

    @TempDir
    private Path folder;

    private static CalibrationStatistics first;
    private static CalibrationStatistics second;
    private static CalibrationStatistics both;

    @BeforeAll
    static void calibrate() {
        first = SyntheticActivations.calibrate(1, 0, 6);
        second = SyntheticActivations.calibrate(1, 6, 6);
        both = SyntheticActivations.calibrate(1, 0, 12);
    }

    private CalibrationStatistics reread(CalibrationStatistics s) {
        Path file = folder.resolve("s.stats");
        StatisticsFile.write(s, file);
        return StatisticsFile.read(file);
    }

    private byte[] sidecar(CalibrationStatistics s) throws IOException {
        Path file = folder.resolve("s.gguf");
        SidecarWriter.write(s, file);
        return Files.readAllBytes(file);
    }

    @Test
    void nothingIsLostInAFile() throws IOException {
        CalibrationStatistics read = reread(first);
        assertArrayEquals(first.layer(1).upSquareSum(), read.layer(1).upSquareSum());
        assertArrayEquals(first.layer(1).upAbsSum(), read.layer(1).upAbsSum());
        assertArrayEquals(sidecar(first), sidecar(read));
        StatisticsFile.write(first, folder.resolve("a"));
        StatisticsFile.write(read, folder.resolve("b"));
        assertArrayEquals(Files.readAllBytes(folder.resolve("a")), Files.readAllBytes(folder.resolve("b")));
    }

    /** Earlier versions kept neither norms nor what is weighted with them: their files serve the other policies. */
    @Test
    void statisticsWithoutNormsStillServe() {
        CalibrationStatistics old = reread(SyntheticActivations.calibrate(1, 0, 6, null));
        assertFalse(old.hasColumnNorms());
        assertEquals(EVERYWHERE, policies(old));
        assertEquals(EVERYWHERE, policies(CalibrationStatistics.merge(List.of(second, old), List.of("a", "b"))));
        List<String> all = new ArrayList<>(EVERYWHERE);
        all.addAll(List.of("wina", "r-sparse"));
        assertEquals(all, policies(reread(first)));
        CalibrationStatistics merged = CalibrationStatistics.merge(List.of(first, second), List.of("a", "b"));
        assertEquals(all, policies(merged));
        assertArrayEquals(first.layer(1).columnNorms(Projection.K), merged.layer(1).columnNorms(Projection.K));
    }

    private static final List<String> EVERYWHERE = List.of(
            "chess", "chess-attn", "chess-abs", "chess-rms", "chess-attn-abs", "chess-attn-rms", "cats", "teal");

    private List<String> policies(CalibrationStatistics s) {
        Path file = folder.resolve("s.gguf");
        SidecarWriter.write(s, file);
        try (GgufFile sidecar = GgufFile.open(file)) {
            List<String> names = List.of(sidecar.metadata().strings("chess.policies"));
            assertEquals(names.contains("wina"), sidecar.find("blk.1.attn_v.column_norm") != null);
            assertEquals(names.contains("wina"), sidecar.find("blk.1.attn_v.weighted_quantile") != null);
            return names;
        }
    }

    @Test
    void countsBeyondAFloatSurvive() {
        CalibrationStatistics s = reread(first);
        MagnitudeHistogram h = s.layer(0).table(ActivationTable.FFN_IN);
        h.add(50_000, (1L << 40) + 1);
        long total = h.total();
        assertEquals(total, reread(s).layer(0).table(ActivationTable.FFN_IN).total());
    }

    @Test
    void mergingAddsUpToOneRunOverBoth() {
        CalibrationStatistics merged = CalibrationStatistics.merge(List.of(reread(first), reread(second)), List.of("a",
                "b"));
        assertEquals(both.tokens(), merged.tokens());
        assertEquals(List.of("windows-0", "windows-6"), merged.datasets());
        double drift = merged.weightDrift();
        assertTrue(drift > 0 && drift < 5, "drift " + drift);
        double worst = 0;
        for (int l = 0; l < both.base().layers(); l++) {
            assertArrayEquals(both.layer(l).absMean(), merged.layer(l).absMean(), 1e-6f);
            assertArrayEquals(both.layer(l).rms(), merged.layer(l).rms(), 1e-6f);
            for (ActivationTable t : ActivationTable.values()) {
                float[] expected = both.quantiles(l, t);
                float[] found = merged.quantiles(l, t);
                if (!WEIGHTED.contains(t)) {
                    assertArrayEquals(expected, found, t.toString());
                    continue;
                }
                for (int i = 1; i < expected.length; i++) {
                    double error = Math.abs(found[i] / expected[i] - 1);
                    worst = Math.max(worst, error);
                    assertTrue(error <= drift, t + ": " + error + " above the bound " + drift);
                }
            }
        }
        // far inside the bound even for 366 tokens on each side
        assertTrue(worst > 0 && worst < 0.02, "worst error " + worst);
    }

    @Test
    void otherModelsAndWindowsAreRefused() {
        BaseModel b = first.base();
        BaseModel other = new BaseModel(b.architecture(), "other", b.layers(), b.embedding(), b.feedForward(), "0123",
                7);
        ModelFormatException e = assertThrows(
                ModelFormatException.class,
                () -> CalibrationStatistics.merge(
                        List.of(first, new CalibrationStatistics(other, SyntheticActivations.ROWS, List.of())), List.of(
                                "a.stats", "b.stats")));
        assertTrue(e.getMessage().startsWith("b.stats: chess.base.sha256: expected "), e.getMessage());
        e = assertThrows(
                ModelFormatException.class,
                () -> CalibrationStatistics.merge(
                        List.of(first, new CalibrationStatistics(b, 64, List.of())), List.of("a.stats", "b.stats")));
        assertTrue(e.getMessage().contains("chunk_size"), e.getMessage());
    }

    @Test
    void damagedFilesGiveOneKindOfException() throws IOException {
        Path file = folder.resolve("s.stats");
        StatisticsFile.write(first, file);
        byte[] good = Files.readAllBytes(file);
        Random random = new Random(5);
        int refused = 0;
        for (int i = 0; i < 200; i++) {
            byte[] bad = i % 4 == 0 ? Arrays.copyOf(good, random.nextInt(good.length)) : good.clone();
            // half of the damage in the header, where names, shapes and keys are
            bad[random.nextInt(Math.min(bad.length, i % 2 == 0 ? 4_000 : bad.length))] ^= (byte) (1 << random.nextInt(
                    8));
            Files.write(file, bad);
            try {
                StatisticsFile.read(file);
            } catch (GambitException e) {
                refused++;
                assertEquals(1, e.getMessage().lines().count(), e.getMessage());
            }
        }
        assertTrue(refused >= 60, "refused " + refused);
        SidecarWriter.write(first, file);
        String message = assertThrows(GambitException.class, () -> StatisticsFile.read(file)).getMessage();
        assertTrue(message.contains("general.type: expected chess-stats, found adapter"), message);
    }
}
