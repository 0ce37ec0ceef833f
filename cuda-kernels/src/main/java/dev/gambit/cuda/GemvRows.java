package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.LaunchConfig;
import java.util.List;
import java.util.stream.IntStream;

/**
 * {@code gemv_rows}: products of up to three matrices in {@link MatrixLayout#ROWS} with one vector. Masked inputs count as 0,
 * and their weights are read all the same; where that matters use {@link SparseGemvCols}.
 */
public final class GemvRows {

    static final int THREADS = 256;
    static final int WARPS = 8;
    static final int MAX_PRODUCTS = 3;
    /** Warps on a multiprocessor from which on its share of the memory's bandwidth is used. */
    private static final int BUSY_WARPS = 16;
    /** Rows of a team of several warps, at most: {@code ROWS} in {@code gemv_rows.cu}. */
    static final int TEAM_ROWS = 64;
    /** Rows that a warp multiplies together on the tensor cores. */
    private static final int TILE = 16;
    /** Rows of a team from which on no more warps share them. */
    private static final int ENOUGH_ROWS = 32;

    private GemvRows() {}

    /**
     * Prepares a launch. Products with thresholds of their own, all or some of them, have blocks of their own.
     *
     * @param modules the kernels
     * @param in the vector; not {@link InputVector.Mode#ACTIVATED}
     * @param mask entries that count as 0, for all matrices; null for none, or where products have thresholds of their own
     * @param products 1 to 3 of the same form and inputs
     * @return the launch
     */
    public static KernelLaunch prepare(
            KernelModules modules, InputVector in, SiteThresholds mask, List<Product> products) {
        WeightForm form = check(in, products, MatrixLayout.ROWS);
        Check.that(in.mode() != InputVector.Mode.ACTIVATED, "gemv_rows: expected a plain or normed input");
        boolean apart = products.stream().anyMatch(p -> p.thresholds() != null);
        Check.that(
                !apart || mask == null,
                "gemv_rows: expected one mask for all matrices or thresholds of the products, found both");
        int shared = form.sharedBytes(in.inputs());
        CudaFunction function = modules.function("gemv_rows", form, shared);
        int[] rows = products.stream().mapToInt(p -> p.matrix().outputs()).toArray();
        Grid grid = grid(
                form, rows, apart, modules.multiprocessors(),
                modules.driver().maxActiveBlocksPerMultiprocessor(function, THREADS, shared));
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        write(b, products);
        b.address(SiteThresholds.address(mask, in.inputs()))
                .address(SiteThresholds.kept(mask))
                .int32(SiteThresholds.stride(mask))
                .int32(products.size())
                .int32(grid.warpsPerRow)
                .int32(apart ? 1 : 0);
        for (int s = 0; s < MAX_PRODUCTS; s++) {
            b.int32(s < grid.firstBlock.length ? grid.firstBlock[s] : 0);
        }
        return KernelLaunch.dependent(modules, function, LaunchConfig.of(grid.blocks, THREADS, shared), b);
    }

    /** Blocks, warps that share a row, and the first block of each matrix where they have their own. */
    record Grid(int blocks, int warpsPerRow, int[] firstBlock) {}

    /** The grid of matrices with so many rows each. */
    static Grid grid(WeightForm form, int[] rows, boolean apart, int multiprocessors, int resident) {
        Check.that(resident > 0, "row kernels: the input does not fit this GPU's shared memory");
        int all = IntStream.of(rows).sum();
        Grid shared = form.tiled() ? tiles(all, multiprocessors, resident) : grid(all, multiprocessors, resident);
        if (!apart) {
            return shared;
        }
        int blocks = Math.max(shared.blocks, rows.length);
        int[] firstBlock = new int[rows.length];
        int before = 0;
        for (int s = 0; s < rows.length; s++) {
            // in proportion, and one at least for each that follows
            int ideal = (int) ((long) blocks * before / all);
            firstBlock[s] = s == 0 ? 0 : Math.min(Math.max(ideal, firstBlock[s - 1] + 1), blocks - (rows.length - s));
            before += rows[s];
        }
        int warpsPerRow = shared.warpsPerRow;
        while (warpsPerRow > 1 && !fits(rows, firstBlock, blocks, warpsPerRow)) {
            warpsPerRow /= 2;
        }
        return new Grid(blocks, warpsPerRow, firstBlock);
    }

    /** Whether teams of several warps have no more rows than their sums have room for. */
    private static boolean fits(int[] rows, int[] firstBlock, int blocks, int warpsPerRow) {
        for (int s = 0; s < rows.length; s++) {
            int own = (s + 1 < rows.length ? firstBlock[s + 1] : blocks) - firstBlock[s];
            if (rows[s] > (long) TEAM_ROWS * own * (WARPS / warpsPerRow)) {
                return false;
            }
        }
        return true;
    }

    /**
     * One wave of blocks, all warps with as many rows or one less: of the possible numbers of blocks on a multiprocessor
     * the one that leaves the fewest warps without work in the last round.
     */
    private static Grid grid(int rows, int multiprocessors, int resident) {
        int warpsPerRow = 1;
        while (warpsPerRow < WARPS && (long) rows * warpsPerRow < (long) multiprocessors * BUSY_WARPS / 2) {
            warpsPerRow *= 2;
        }
        int teams = WARPS / warpsPerRow;
        int best = 1;
        double bestShare = 0;
        for (int perMultiprocessor = Math.min(2, resident); perMultiprocessor <= Math.min(4, resident);
                perMultiprocessor++) {
            long t = (long) multiprocessors * perMultiprocessor * teams;
            double share = rows / (double) (t * ((rows + t - 1) / t));
            if (share > bestShare + 0.01) {
                best = perMultiprocessor;
                bestShare = share;
            }
        }
        int blocks = Math.min(multiprocessors * best, (rows + teams - 1) / teams);
        Check.that(warpsPerRow == 1 || rows <= (long) TEAM_ROWS * blocks * teams, "row kernels: rows of a team");
        return new Grid(blocks, warpsPerRow, new int[0]);
    }

    /**
     * One wave of blocks with as many rows each, or one less, of which a warp takes 16 at a time: of the possible numbers of
     * blocks on a multiprocessor the one that leaves the fewest of the 16 empty. Where a block has few rows its warps share
     * them, each with a part of the inputs.
     */
    private static Grid tiles(int rows, int multiprocessors, int resident) {
        int least = rows < TILE * multiprocessors ? 1 : Math.min(2, resident);
        int best = least;
        double bestShare = 0;
        for (int perMultiprocessor = least; perMultiprocessor <= Math.min(4, resident); perMultiprocessor++) {
            int blocks = multiprocessors * perMultiprocessor;
            int each = (rows + blocks - 1) / blocks;
            double share = rows / ((double) blocks * ((each + TILE - 1) / TILE * TILE));
            if (share > bestShare + 0.01) {
                best = perMultiprocessor;
                bestShare = share;
            }
        }
        int blocks = Math.min(multiprocessors * best, rows);
        int warpsPerRow = 1;
        while (warpsPerRow < WARPS && (long) rows * warpsPerRow < (long) ENOUGH_ROWS * blocks * WARPS) {
            warpsPerRow *= 2;
        }
        return new Grid(blocks, warpsPerRow, new int[0]);
    }

    static WeightForm check(InputVector in, List<Product> products, MatrixLayout layout) {
        Check.that(
                !products.isEmpty() && products.size() <= MAX_PRODUCTS,
                "products of a launch: expected 1 to 3, found " + products.size());
        DeviceMatrix first = products.get(0).matrix();
        for (Product p : products) {
            DeviceMatrix m = p.matrix();
            Check.that(
                    m.layout() == layout && m.form() == first.form() && m.inputs() == in.inputs(),
                    "matrices of a launch: expected " + first.form() + " " + layout + " of " + in.inputs()
                            + " inputs, found " + m.form() + " " + m.layout() + " of " + m.inputs());
        }
        return first.form();
    }

    static void write(ArgumentBlock b, List<Product> products) {
        int start = 32;
        for (int i = 0; i < products.size(); i++) {
            products.get(i).write(b.skipTo(start + i * Product.BYTES));
        }
        b.skipTo(start + MAX_PRODUCTS * Product.BYTES);
    }
}
