package dev.gambit.cuda;

import java.util.function.IntSupplier;

/**
 * How a product by columns is cut into blocks: tiles of the outputs, slices of the inputs, and where the slices' sums meet.
 *
 * @param kind which kernel
 * @param tiles of all matrices
 * @param splits slices of the inputs
 * @param tileOutputs outputs of a tile
 */
record ColumnPlan(Kind kind, int tiles, int splits, int tileOutputs) {

    /** The kernels: wide and narrow tiles with slices that meet in global memory, and tiles whose slices are a cluster. */
    enum Kind {
        WIDE("sparse_gemv_cols", "", 32), NARROW("sparse_gemv_cols", "_narrow", 4), CLUSTER_4("sparse_gemv_cluster",
                "_4", 4),
        CLUSTER_8("sparse_gemv_cluster", "_8", 8), CLUSTER_16("sparse_gemv_cluster", "_16", 16);

        final String file;
        final String suffix;
        final int lanes;

        Kind(String file, String suffix, int lanes) {
            this.file = file;
            this.suffix = suffix;
            this.lanes = lanes;
        }

        boolean cluster() {
            return this != WIDE && this != NARROW;
        }
    }

    /** Slices of the inputs at most. */
    static final int MAX_SPLITS = 64;
    /** Blocks of a cluster at most, on every device that has them. */
    static final int MAX_CLUSTER = 8;
    /** Groups of 32 inputs that a block's list holds. */
    private static final int SLICE_GROUPS = 64;
    /** Inputs up to which narrow tiles without slices are faster than wide ones with; measured on an H200. */
    private static final int NARROW_INPUTS = 1536;
    /** Slices beyond which adding them up in global memory takes longer than a smaller slice saves. */
    private static final int USEFUL_SPLITS = 32;
    /** Bytes of weights up to which a cluster's quicker end is worth its fewer blocks; measured on an H100. */
    private static final long CLUSTER_BYTES = 40L << 20;

    /**
     * Chooses.
     *
     * @param form the matrices'
     * @param inputs their inputs
     * @param outputs of each
     * @param multiprocessors of the device
     * @param resident blocks of a wide kernel that the device holds at once, asked for where it matters
     * @param clusters whether kernels with clusters are there
     */
    static ColumnPlan of(
            WeightForm form, int inputs, int[] outputs, int multiprocessors, IntSupplier resident, boolean clusters) {
        int groups = (inputs + 31) / 32;
        Check.that(groups <= MAX_SPLITS * SLICE_GROUPS, "inputs of a launch: expected at most "
                + MAX_SPLITS * SLICE_GROUPS * 32 + ", found " + inputs);
        if (inputs <= NARROW_INPUTS) {
            return of(Kind.NARROW, form, outputs, 1);
        }
        ColumnPlan cluster = clusters && !form.tiled() ? cluster(form, inputs, outputs, multiprocessors) : null;
        if (cluster != null) {
            return cluster;
        }
        ColumnPlan one = of(Kind.WIDE, form, outputs, 1);
        int splits = Math.clamp(resident.getAsInt() / one.tiles, 1, USEFUL_SPLITS);
        splits = Math.min(splits, Math.max(1, groups / (form.tiled() ? 8 : 2)));
        splits = Math.max(splits, (groups + SLICE_GROUPS - 1) / SLICE_GROUPS);
        // On the tensor cores a cluster gains only where it needs no fewer blocks.
        boolean same = clusters && form.tiled() && splits <= MAX_CLUSTER
                && one.tiles * splits <= clusterBlocks(multiprocessors);
        return new ColumnPlan(same ? Kind.CLUSTER_8 : Kind.WIDE, one.tiles, splits, one.tileOutputs);
    }

    /** Blocks that find room whatever the clusters' size: with two on a multiprocessor some are left over. */
    private static int clusterBlocks(int multiprocessors) {
        return multiprocessors * 3 / 2;
    }

    private static ColumnPlan of(Kind kind, WeightForm form, int[] outputs, int splits) {
        // On the tensor cores a warp has 8 lanes side by side, which take 4 groups at a time.
        int tileOutputs = form.tileOutputs(form.tiled() && kind != Kind.NARROW ? 8 : kind.lanes);
        int tiles = 0;
        for (int n : outputs) {
            tiles += (n + tileOutputs - 1) / tileOutputs;
        }
        return new ColumnPlan(kind, tiles, splits, tileOutputs);
    }

    /** The cluster kernel that has most blocks; null where it has too few or too much to read. */
    private static ColumnPlan cluster(WeightForm form, int inputs, int[] outputs, int multiprocessors) {
        int groups = (inputs + 31) / 32;
        int most = clusterBlocks(multiprocessors);
        long bytes = 0;
        for (int n : outputs) {
            bytes += form.dataBytes(MatrixLayout.COLUMNS, inputs, n);
        }
        ColumnPlan best = null;
        for (Kind kind : new Kind[] {Kind.CLUSTER_16, Kind.CLUSTER_8, Kind.CLUSTER_4}) {
            ColumnPlan one = of(kind, form, outputs, 1);
            int splits = Math.min(Math.min(MAX_CLUSTER, most / one.tiles), Math.max(1, groups / 2));
            if (splits * SLICE_GROUPS >= groups && (best == null || one.tiles * splits > best.blocks())) {
                best = of(kind, form, outputs, splits);
            }
        }
        return best == null || best.blocks() < multiprocessors / 2 || bytes > CLUSTER_BYTES ? null : best;
    }

    private int blocks() {
        return tiles * splits;
    }
}
