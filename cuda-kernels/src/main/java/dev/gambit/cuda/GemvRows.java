package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.LaunchConfig;
import java.util.List;

/**
 * {@code gemv_rows}: dense products of up to three matrices in {@link MatrixLayout#ROWS} with one vector. Weights of
 * masked inputs are read all the same; where that matters use {@link SparseGemvCols}.
 */
public final class GemvRows {

    static final int THREADS = 256;
    static final int WARPS = 8;
    static final int MAX_PRODUCTS = 3;
    /** Warps on a multiprocessor from which on its share of the memory's bandwidth is used. */
    private static final int BUSY_WARPS = 16;
    /** Rows of a team of several warps, at most: {@code ROWS} in {@code gemv_rows.cu}. */
    private static final int TEAM_ROWS = 32;

    private GemvRows() {}

    /**
     * Prepares a launch.
     *
     * @param modules the kernels
     * @param in the vector; not {@link InputVector.Mode#ACTIVATED}
     * @param mask entries that count as 0, for all matrices; null for none
     * @param products 1 to 3 of the same form and inputs, without thresholds of their own
     * @return the launch
     */
    public static KernelLaunch prepare(
            KernelModules modules, InputVector in, SiteThresholds mask, List<Product> products) {
        WeightForm form = check(in, products, MatrixLayout.ROWS);
        Check.that(in.mode() != InputVector.Mode.ACTIVATED, "gemv_rows: expected a plain or normed input");
        Check.that(
                products.stream().allMatch(p -> p.thresholds() == null),
                "gemv_rows: expected one mask for all matrices, found thresholds of a product");
        int shared = form.sharedBytes(in.inputs());
        CudaFunction function = modules.function("gemv_rows", form, shared);
        int rows = products.stream().mapToInt(p -> p.matrix().outputs()).sum();
        Grid grid = grid(
                rows, modules.multiprocessors(),
                modules.driver().maxActiveBlocksPerMultiprocessor(function, THREADS, shared));
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        write(b, products);
        b.address(SiteThresholds.address(mask, in.inputs()))
                .address(SiteThresholds.kept(mask))
                .int32(SiteThresholds.stride(mask))
                .int32(products.size())
                .int32(grid.warpsPerRow);
        return KernelLaunch.dependent(modules, function, LaunchConfig.of(grid.blocks, THREADS, shared), b);
    }

    /** Blocks, and warps that share a row. */
    record Grid(int blocks, int warpsPerRow) {}

    /**
     * One wave of blocks, all warps with as many rows or one less: of the possible numbers of blocks on a multiprocessor
     * the one that leaves the fewest warps without work in the last round.
     */
    static Grid grid(int rows, int multiprocessors, int resident) {
        int warpsPerRow = 1;
        while (warpsPerRow < WARPS && (long) rows * warpsPerRow < (long) multiprocessors * BUSY_WARPS / 2) {
            warpsPerRow *= 2;
        }
        Check.that(resident > 0, "row kernels: the input does not fit this GPU's shared memory");
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
        return new Grid(blocks, warpsPerRow);
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
