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
        int units = 0;
        for (Product p : products) {
            units += (p.matrix().outputs() + WeightForm.WARP_ROWS - 1) / WeightForm.WARP_ROWS;
        }
        int warpsPerRow = 1;
        while (warpsPerRow < WARPS && (long) units * warpsPerRow < (long) modules.multiprocessors() * BUSY_WARPS) {
            warpsPerRow *= 2;
        }
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        write(b, products);
        b.address(SiteThresholds.address(mask, in.inputs()))
                .address(SiteThresholds.kept(mask))
                .int32(SiteThresholds.stride(mask))
                .int32(products.size())
                .int32(warpsPerRow);
        // Whole waves of blocks, as equal as can be.
        int needed = (units * warpsPerRow + WARPS - 1) / WARPS;
        int resident = modules.multiprocessors()
                * Math.max(1, modules.driver().maxActiveBlocksPerMultiprocessor(function, THREADS, shared));
        int waves = (needed + resident - 1) / resident;
        int blocks = (needed + waves - 1) / waves;
        return KernelLaunch.dependent(modules, function, LaunchConfig.of(blocks, THREADS, shared), b);
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
