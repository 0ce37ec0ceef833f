package dev.gambit.engine.internal.cpu;

import java.util.Arrays;

/**
 * Products of all rows of a pass with several matrices, in one parallel region. Narrow panels are dealt out in small runs of
 * tiles. A wide one, whose columns are runs that memory should deliver whole, is cut along its inputs, always into as many
 * parts, each with sums of its own.
 */
final class ColumnProducts {

    /** Parts that a matrix of wide panels is cut into along its inputs; a fixed number, as sums depend on it. */
    static final int INPUT_PARTS = 8;
    /** The most matrices in a region. */
    static final int MATRICES = 3;

    private final Kernels kernels;
    private final WorkerTeam team;

    private PackedMatrix[] w;
    /** {@code [matrix][row]}: inputs, results, and sums of parts {@code [matrix · part][row]}. */
    private final Kept[][] x = new Kept[MATRICES][0];
    private final float[][][] y = new float[MATRICES][0][];
    private final float[][][] sums = new float[MATRICES * INPUT_PARTS][0][];

    ColumnProducts(Kernels kernels, WorkerTeam team) {
        this.kernels = kernels;
        this.team = team;
    }

    /** Makes room for rows. */
    void reserve(int rows) {
        if (x[0].length < rows) {
            for (int i = 0; i < MATRICES; i++) {
                x[i] = new Kept[rows];
                y[i] = new float[rows][];
            }
            for (int i = 0; i < sums.length; i++) {
                sums[i] = new float[rows][];
            }
        }
    }

    /** Says what a row of matrix {@code i} is. */
    void put(int i, int row, Kept input, float[] result, float[][] partSums) {
        x[i][row] = input;
        y[i][row] = result;
        for (int p = 0; p < partSums.length; p++) {
            sums[p][row] = partSums[p];
        }
    }

    Kept[] inputs(int i) {
        return x[i];
    }

    /** Adds the products of the first {@code n} rows with the matrices to their results. */
    void multiply(int n, PackedMatrix... matrices) {
        w = matrices;
        int parts = 0;
        int tiles = 0;
        for (PackedMatrix m : w) {
            parts += wide(m) ? INPUT_PARTS : 0;
            tiles += wide(m) ? 0 : m.tiles();
        }
        int run = Math.max(1, tiles / (team.size() * 6));
        int all = tiles;
        int wideParts = parts;
        team.run(parts + (tiles + run - 1) / run, (task, worker) -> {
            if (task < wideParts) {
                part(task, n);
                return;
            }
            int from = (task - wideParts) * run;
            tiles(from, Math.min(all, from + run), n);
        });
        int part = 0;
        for (int i = 0; i < w.length; i++) {
            for (int p = 0; wide(w[i]) && p < INPUT_PARTS; p++, part++) {
                for (int r = 0; r < n; r++) {
                    kernels.add(y[i][r], 0, sums[part][r], 0, w[i].paddedOutputs);
                }
            }
        }
    }

    private void tiles(int from, int to, int n) {
        int first = 0;
        for (int i = 0; i < w.length; i++) {
            if (wide(w[i])) {
                continue;
            }
            int t0 = Math.max(from - first, 0);
            int t1 = Math.min(to - first, w[i].tiles());
            if (t0 < t1) {
                kernels.columns(w[i], x[i], n, 0, w[i].groups(), t0, t1, y[i], 0);
            }
            first += w[i].tiles();
        }
    }

    static boolean wide(PackedMatrix m) {
        return m.panel > PackedMatrix.TILE;
    }

    private void part(int task, int n) {
        int i = 0;
        for (int left = task / INPUT_PARTS; !wide(w[i]) || left > 0; i++) {
            left -= wide(w[i]) ? 1 : 0;
        }
        int p = task % INPUT_PARTS;
        int groups = w[i].groups();
        for (int r = 0; r < n; r++) {
            Arrays.fill(sums[task][r], 0, w[i].paddedOutputs, 0f);
        }
        kernels.columns(w[i], x[i], n, groups * p / INPUT_PARTS, groups * (p + 1) / INPUT_PARTS, 0, w[i].tiles(),
                sums[task], 0);
    }
}
