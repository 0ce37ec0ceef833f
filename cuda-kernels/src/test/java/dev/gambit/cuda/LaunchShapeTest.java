package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What launchers decide, from an Orin's 16 multiprocessors to an H200's 132; no GPU is needed for it. */
class LaunchShapeTest {

    private static final int[] MULTIPROCESSORS = {1, 8, 16, 108, 132};

    @Test
    void rowsMakeOneWaveWithEqualShares() {
        for (int multiprocessors : MULTIPROCESSORS) {
            for (int resident = 1; resident <= 4; resident++) {
                for (int rows : new int[] {1, 7, 192, 576, 1024, 14336, 128_256}) {
                    GemvRows.Grid grid = GemvRows.grid(rows, multiprocessors, resident);
                    assertTrue(grid.blocks() >= 1 && grid.blocks() <= multiprocessors * resident, grid + " " + rows);
                    assertEquals(0, GemvRows.WARPS % grid.warpsPerRow(), grid + " " + rows);
                    long teams = (long) grid.blocks() * GemvRows.WARPS / grid.warpsPerRow();
                    // A team of several warps keeps its rows' sums in shared memory.
                    assertTrue(grid.warpsPerRow() == 1 || rows <= 32 * teams, grid + " " + rows);
                }
            }
        }
    }

    @Test
    void fewRowsAreSharedByWarps() {
        assertEquals(8, GemvRows.grid(64, 132, 2).warpsPerRow());
        assertEquals(1, GemvRows.grid(14336, 132, 2).warpsPerRow());
    }

    @Test
    void anInputTooLongForSharedMemoryIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> GemvRows.grid(64, 132, 0));
    }

    @Test
    void slicesFitTheListAndOneWave() {
        for (int multiprocessors : MULTIPROCESSORS) {
            int resident = 3 * multiprocessors;
            for (int inputs : new int[] {1, 33, 2048, 4096, 14336, 28672}) {
                for (int tiles : new int[] {1, 4, 16, 56, 501}) {
                    int splits = SparseGemvCols.splits(tiles, inputs, resident);
                    int groups = (inputs + 31) / 32;
                    assertTrue((groups + splits - 1) / splits <= 64, "a slice of " + inputs + " in " + splits);
                    int least = (groups + 63) / 64;
                    assertTrue(splits == least || splits * tiles <= Math.max(resident, tiles), inputs + " " + tiles);
                }
            }
        }
        assertEquals(7, SparseGemvCols.splits(56, 4096, 396));
        assertEquals(24, SparseGemvCols.splits(16, 14336, 396));
        assertThrows(IllegalArgumentException.class, () -> SparseGemvCols.splits(1, 200_000, 396));
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
