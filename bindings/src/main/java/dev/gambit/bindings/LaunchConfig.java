package dev.gambit.bindings;

/**
 * How a kernel is launched. Make it once and launch with it any number of times.
 *
 * @param gridX blocks along x, at least 1
 * @param gridY blocks along y
 * @param gridZ blocks along z
 * @param blockX threads of a block along x, at least 1
 * @param blockY threads along y
 * @param blockZ threads along z
 * @param sharedBytes dynamic shared memory of a block; above 48 KiB set
 *        {@link FunctionAttribute#MAX_DYNAMIC_SHARED_SIZE_BYTES} first
 * @param dependent whether the kernel may start before the one in front of it in its stream has ended (programmatic
 *        dependent launch; the kernel itself waits with {@code griddepcontrol.wait}); needs
 *        {@link CudaDriver#supportsLaunchAttributes}
 * @param clusterX blocks of a cluster along x, 1 for none; more needs {@link CudaDriver#supportsLaunchAttributes}
 */
public record LaunchConfig(int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes,
        boolean dependent, int clusterX) {

    /** Checks that every size is at least 1. */
    public LaunchConfig {
        if (gridX < 1 || gridY < 1 || gridZ < 1 || blockX < 1 || blockY < 1 || blockZ < 1 || sharedBytes < 0
                || clusterX < 1) {
            throw new IllegalArgumentException("launch of " + gridX + "x" + gridY + "x" + gridZ + " blocks of " + blockX
                    + "x" + blockY + "x" + blockZ + " threads with " + sharedBytes + " bytes in clusters of " + clusterX
                    + ": every size must be at least 1, the bytes at least 0");
        }
    }

    /**
     * A one-dimensional launch.
     *
     * @param blocks of the grid
     * @param threads of a block
     * @return the configuration
     */
    public static LaunchConfig of(int blocks, int threads) {
        return new LaunchConfig(blocks, 1, 1, threads, 1, 1, 0, false, 1);
    }

    /**
     * A one-dimensional launch with dynamic shared memory.
     *
     * @param blocks of the grid
     * @param threads of a block
     * @param sharedBytes of a block
     * @return the configuration
     */
    public static LaunchConfig of(int blocks, int threads, int sharedBytes) {
        return new LaunchConfig(blocks, 1, 1, threads, 1, 1, sharedBytes, false, 1);
    }

    /**
     * The same with another grid.
     *
     * @param x blocks
     * @param y blocks
     * @param z blocks
     * @return the configuration
     */
    public LaunchConfig withGrid(int x, int y, int z) {
        return new LaunchConfig(x, y, z, blockX, blockY, blockZ, sharedBytes, dependent, clusterX);
    }

    /**
     * The same with other blocks.
     *
     * @param x threads
     * @param y threads
     * @param z threads
     * @return the configuration
     */
    public LaunchConfig withBlock(int x, int y, int z) {
        return new LaunchConfig(gridX, gridY, gridZ, x, y, z, sharedBytes, dependent, clusterX);
    }

    /**
     * The same with or without programmatic dependent launch.
     *
     * @param value whether
     * @return the configuration
     */
    public LaunchConfig withDependent(boolean value) {
        return new LaunchConfig(gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, value, clusterX);
    }

    /**
     * The same in clusters.
     *
     * @param blocks of a cluster, a divisor of {@link #gridX}
     * @return the configuration
     */
    public LaunchConfig withCluster(int blocks) {
        return new LaunchConfig(gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, dependent, blocks);
    }

    /** {@return whether a plain launch does not suffice} */
    public boolean needsAttributes() {
        return dependent || clusterX > 1;
    }
}
