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
            for (int inputs : new int[] {1, 33, 2048, 4096, 14336, 28672}) {
                for (int tiles : new int[] {1, 4, 16, 56, 501}) {
                    int splits = SparseGemvCols.splits(tiles, inputs, 2, resident);
                    int groups = (inputs + 31) / 32;
                    assertTrue((groups + splits - 1) / splits <= 64, "a slice of " + inputs + " in " + splits);
                    int least = (groups + 63) / 64;
                    assertTrue(splits == least || splits * tiles <= Math.max(resident, tiles), inputs + " " + tiles);
                }
            }
        }
        assertEquals(7, SparseGemvCols.splits(56, 4096, 2, 396));
        assertEquals(24, SparseGemvCols.splits(16, 14336, 2, 396));
        assertEquals(16, SparseGemvCols.splits(8, 4096, 8, 264));
        assertThrows(IllegalArgumentException.class, () -> SparseGemvCols.splits(1, 200_000, 2, 396));
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
