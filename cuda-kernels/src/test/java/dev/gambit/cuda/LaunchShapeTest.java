package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What launchers decide, from an Orin's 16 multiprocessors to an H200's 132; no GPU is needed for it. */
class LaunchShapeTest {

    private static final int[] MULTIPROCESSORS = {1, 8, 16, 108, 132};

    @Test
    void rowsMakeOneWaveWithEqualShares() {
        int[][] matrices = {{1}, {7}, {192}, {576}, {1024}, {14336}, {128_256}, {576, 192, 192}, {4096, 1024, 1024},
            {5, 1, 1}, {1, 14336}};
        for (WeightForm form : new WeightForm[] {WeightForm.F16, WeightForm.U4}) {
            for (int multiprocessors : MULTIPROCESSORS) {
                for (int resident = 1; resident <= 4; resident++) {
                    for (int[] rows : matrices) {
                        for (boolean apart : new boolean[] {false, true}) {
                            check(form, multiprocessors, resident, rows, apart);
                        }
                    }
                }
            }
        }
    }

    private static void check(WeightForm form, int multiprocessors, int resident, int[] rows, boolean apart) {
        GemvRows.Grid grid = GemvRows.grid(form, rows, apart, multiprocessors, resident);
        String what = form + " " + grid + " " + Arrays.toString(rows) + " " + Arrays.toString(grid.firstBlock());
        assertTrue(
                grid.blocks() >= 1 && grid.blocks() <= Math.max(rows.length, multiprocessors * resident), what);
        assertEquals(0, GemvRows.WARPS % grid.warpsPerRow(), what);
        int teams = GemvRows.WARPS / grid.warpsPerRow();
        if (!apart) {
            // A team of several warps keeps its rows' sums in shared memory.
            int all = IntStream.of(rows).sum();
            assertTrue(grid.warpsPerRow() == 1 || all <= (long) GemvRows.TEAM_ROWS * teams * grid.blocks(), what);
            return;
        }
        assertEquals(0, grid.firstBlock()[0], what);
        for (int s = 0; s < rows.length; s++) {
            int own = (s + 1 < rows.length ? grid.firstBlock()[s + 1] : grid.blocks()) - grid.firstBlock()[s];
            assertTrue(own >= 1, what);
            assertTrue(grid.warpsPerRow() == 1 || rows[s] <= (long) GemvRows.TEAM_ROWS * teams * own, what);
        }
    }

    @Test
    void fewRowsAreSharedByWarps() {
        assertEquals(8, GemvRows.grid(WeightForm.F16, new int[] {64}, false, 132, 2).warpsPerRow());
        assertEquals(1, GemvRows.grid(WeightForm.F16, new int[] {14336}, false, 132, 2).warpsPerRow());
        assertEquals(8, GemvRows.grid(WeightForm.U4, new int[] {14336}, false, 132, 2).warpsPerRow());
        assertEquals(1, GemvRows.grid(WeightForm.U4, new int[] {128_256}, false, 132, 2).warpsPerRow());
    }

    @Test
    void anInputTooLongForSharedMemoryIsRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> GemvRows.grid(WeightForm.F16, new int[] {64}, false, 132, 0));
    }

    @Test
    void slicesFitTheListAndOneWave() {
        for (int multiprocessors : MULTIPROCESSORS) {
            int resident = 3 * multiprocessors;
            for (WeightForm form : WeightForm.values()) {
                for (int inputs : new int[] {1, 33, 2048, 4096, 14336, 28672}) {
                    for (int[] outputs : new int[][] {{1}, {576}, {4096, 1024, 1024}, {14336}, {128_256}}) {
                        for (boolean clusters : new boolean[] {false, true}) {
                            ColumnPlan p = ColumnPlan
                                    .of(form, inputs, outputs, multiprocessors, () -> resident, clusters);
                            String what = form + " " + inputs + " " + outputs[0] + " " + p;
                            int groups = (inputs + 31) / 32;
                            assertTrue((groups + p.splits() - 1) / p.splits() <= 64, what);
                            int least = (groups + 63) / 64;
                            assertTrue(p.splits() == least
                                    || p.splits() * p.tiles() <= Math.max(resident, p.tiles()), what);
                            assertTrue(clusters || !p.kind().cluster(), what);
                            assertTrue(!p.kind().cluster() || p.splits() <= ColumnPlan.MAX_CLUSTER, what);
                            int covered = p.tiles() * p.tileOutputs();
                            assertTrue(covered >= IntStream.of(outputs).sum(), what);
                        }
                    }
                }
            }
        }
    }

    @Test
    void theKernelIsTheOneThatWasFastest() {
        assertEquals("NARROW 48x1", plan(WeightForm.F16, 576, true, 1536));
        assertEquals("CLUSTER_4 32x6", plan(WeightForm.F16, 4096, true, 1024));
        assertEquals("CLUSTER_8 32x6", plan(WeightForm.F16, 2048, true, 2048));
        assertEquals("CLUSTER_16 32x6", plan(WeightForm.F16, 4096, true, 4096));
        assertEquals("CLUSTER_8 32x6", plan(WeightForm.I8, 4096, true, 4096));
        assertEquals("WIDE 24x16", plan(WeightForm.F16, 4096, true, 6144));
        assertEquals("WIDE 56x7", plan(WeightForm.F16, 4096, true, 14336));
        assertEquals("WIDE 16x24", plan(WeightForm.F16, 14336, true, 4096));
        assertEquals("WIDE 16x24", plan(WeightForm.F16, 4096, false, 4096));
        assertEquals("CLUSTER_8 16x8", plan(WeightForm.U4, 2048, true, 2048));
        assertEquals("WIDE 32x12", plan(WeightForm.U4, 4096, true, 4096));
        assertThrows(IllegalArgumentException.class, () -> plan(WeightForm.F16, 200_000, true, 1));
    }

    private static String plan(WeightForm form, int inputs, boolean clusters, int outputs) {
        ColumnPlan p = ColumnPlan.of(form, inputs, new int[] {outputs}, 132, () -> 396, clusters);
        return p.kind() + " " + p.tiles() + "x" + p.splits();
    }

    @Test
    void planesHaveTheBytesThatTheReadmeSays() {
        assertEquals(4096L * 14336 * 2, WeightForm.F16.dataBytes(MatrixLayout.ROWS, 4096, 14336));
        assertEquals(32L * 32 * 2, WeightForm.F16.dataBytes(MatrixLayout.COLUMNS, 1, 7));
        assertEquals(7L * 32 * 2, WeightForm.F16.dataBytes(MatrixLayout.ROWS, 1, 7));
        assertEquals(576L * 192 / 2, WeightForm.U4_MIN.dataBytes(MatrixLayout.COLUMNS, 576, 192));
        assertEquals(576L / 32 * 192 * 2, WeightForm.U4_MIN.scaleBytes(MatrixLayout.COLUMNS, 576, 192));
        assertEquals(256L / 16 * 5 * 4, WeightForm.I8_F32_16.scaleBytes(MatrixLayout.ROWS, 256, 5));
    }
}
