package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.LaunchConfig;
import java.util.List;

/**
 * {@code sparse_gemv_cols}: products of up to three matrices in {@link MatrixLayout#COLUMNS} with one vector; weights of
 * inputs below their threshold are not read. The test, the compaction and the product are one kernel with a fixed grid.
 */
public final class SparseGemvCols {

    /** Slices of the inputs at most. */
    static final int MAX_SPLITS = 64;
    /** Groups of 32 inputs that a block's list holds. */
    private static final int SLICE_GROUPS = 64;
    /** Inputs up to which narrow tiles without slices are faster than wide ones with; measured on an H200. */
    private static final int NARROW_INPUTS = 1536;
    /** Slices beyond which adding them up takes longer than a smaller slice saves. */
    private static final int USEFUL_SPLITS = 32;

    private SparseGemvCols() {}

    /**
     * Prepares a launch.
     *
     * @param modules the kernels
     * @param in the vector
     * @param products 1 to 3 of the same form and inputs, each with thresholds of its own or none
     * @param workspace the stream's
     * @return the launch
     */
    public static KernelLaunch prepare(
            KernelModules modules, InputVector in, List<Product> products, SplitWorkspace workspace) {
        WeightForm form = GemvRows.check(in, products, MatrixLayout.COLUMNS);
        boolean narrow = in.inputs() <= NARROW_INPUTS;
        CudaFunction function = modules.function(
                "sparse_gemv_cols." + form.kernelName(),
                (narrow ? "sparse_gemv_cols_narrow_" : "sparse_gemv_cols_") + form.kernelName(), 0);
        // On the tensor cores a warp has 8 lanes side by side, which take 4 groups at a time.
        int tileOutputs = form.tileOutputs(narrow ? 4 : form.tiled() ? 8 : 32);
        int tiles = 0;
        for (Product p : products) {
            tiles += (p.matrix().outputs() + tileOutputs - 1) / tileOutputs;
        }
        int resident = modules.multiprocessors()
                * Math.max(1, modules.driver().maxActiveBlocksPerMultiprocessor(function, GemvRows.THREADS, 0));
        int splits = narrow ? 1 : splits(tiles, in.inputs(), form.tiled() ? 8 : 2, resident);
        Check.that(tiles <= SplitWorkspace.TICKETS, "outputs of a launch: found too many (" + tiles + " tiles)");
        Check.vector("workspace", workspace.partials(), 4L * splits * tiles * tileOutputs);
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        GemvRows.write(b, products);
        b.address(workspace.partials()).address(workspace.tickets()).int32(products.size());
        return KernelLaunch.dependent(
                modules, function, LaunchConfig.of(tiles, GemvRows.THREADS).withGrid(tiles, splits, 1), b);
    }

    /** As many slices as make one wave of blocks, but none of less than some groups, and none larger than the list. */
    static int splits(int tiles, int inputs, int leastGroups, int resident) {
        int groups = (inputs + 31) / 32;
        int splits = Math.max(1, resident / tiles);
        splits = Math.min(Math.min(splits, USEFUL_SPLITS), Math.max(1, groups / leastGroups));
        splits = Math.max(splits, (groups + SLICE_GROUPS - 1) / SLICE_GROUPS);
        Check.that(splits <= MAX_SPLITS, "inputs of a launch: expected at most " + MAX_SPLITS * SLICE_GROUPS * 32
                + ", found " + inputs);
        return splits;
    }
}
