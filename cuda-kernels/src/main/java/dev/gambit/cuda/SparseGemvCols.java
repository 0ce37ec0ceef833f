package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.LaunchConfig;
import java.util.List;

/**
 * {@code sparse_gemv_cols}: products of up to three matrices in {@link MatrixLayout#COLUMNS} with one vector; weights of
 * inputs below their threshold are not read. The test, the compaction and the product are one kernel with a fixed grid, which
 * {@link ColumnPlan} chooses.
 */
public final class SparseGemvCols {

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
        int[] outputs = products.stream().mapToInt(p -> p.matrix().outputs()).toArray();
        ColumnPlan plan = ColumnPlan.of(
                form, in.inputs(), outputs, modules.multiprocessors(), () -> resident(modules, form), modules
                        .clusters());
        int tiles = plan.tiles();
        Check.that(tiles <= SplitWorkspace.TICKETS, "outputs of a launch: found too many (" + tiles + " tiles)");
        Check.vector("workspace", workspace.partials(), 4L * plan.splits() * tiles * plan.tileOutputs());
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        GemvRows.write(b, products);
        b.address(workspace.partials()).address(workspace.tickets()).int32(products.size());
        LaunchConfig config = plan.kind().cluster()
                ? LaunchConfig.of(tiles * plan.splits(), GemvRows.THREADS).withCluster(plan.splits())
                : LaunchConfig.of(tiles, GemvRows.THREADS).withGrid(tiles, plan.splits(), 1);
        return KernelLaunch.dependent(modules, function(modules, plan.kind(), form), config, b);
    }

    private static int resident(KernelModules modules, WeightForm form) {
        CudaFunction wide = function(modules, ColumnPlan.Kind.WIDE, form);
        return modules.multiprocessors()
                * Math.max(1, modules.driver().maxActiveBlocksPerMultiprocessor(wide, GemvRows.THREADS, 0));
    }

    private static CudaFunction function(KernelModules modules, ColumnPlan.Kind kind, WeightForm form) {
        return modules.function(
                kind.file + "." + form.kernelName(), kind.file + kind.suffix + "_" + form.kernelName(), 0);
    }
}
