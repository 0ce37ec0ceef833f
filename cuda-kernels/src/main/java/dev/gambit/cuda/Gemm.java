package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/**
 * {@code gemm}: {@code Y = X · Wᵀ} through the tensor cores. Rows of X and W are half floats, padded with zeros to a stride
 * that is a multiple of {@link #STRIDE}, and readable up to a multiple of {@link #ROWS} rows.
 */
public final class Gemm {

    /** What strides are multiples of. */
    public static final int STRIDE = 32;
    /** What the rows of X and W must be readable up to a multiple of. */
    public static final int ROWS = 128;

    private final KernelModules kernels;
    private final int multiprocessors;
    private final boolean exact;
    private final Tile large;
    private final Tile small;

    private record Tile(CudaFunction function, int size, int threads, int sharedBytes) {}

    /**
     * @param kernels where the kernels come from
     * @param multiprocessors of the device; decides which tile a product gets
     * @param exact whether X and W come as sums of two halves, 22 bits in all
     */
    public Gemm(KernelModules kernels, int multiprocessors, boolean exact) {
        this.kernels = kernels;
        this.multiprocessors = multiprocessors;
        this.exact = exact;
        large = tile(exact ? "gemm_large_exact" : "gemm_large", 128, 256);
        small = tile(exact ? "gemm_small_exact" : "gemm_small", 64, 128);
    }

    private Tile tile(String name, int size, int threads) {
        int stages = exact ? 3 : 4;
        int bytes = stages * 2 * size * 64 * (exact ? 2 : 1);
        return new Tile(kernels.function("gemm", name, bytes), size, threads, bytes);
    }

    /** {@return whether both halves are read} */
    public boolean isExact() {
        return exact;
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param x the rows' halves and factors
     * @param m rows of X
     * @param wHigh {@code half[n][stride]}
     * @param wLow what rounding left over; null unless exact
     * @param n rows of W
     * @param stride of X and W
     * @param bias address of {@code float[n]}; 0 for none
     * @param y address of the result's first row
     * @param ldy floats from a row of the result to the next
     * @param accumulate whether the product is added to what is there
     */
    public void launch(CudaStream stream, HalfRows x, int m, DeviceMemory wHigh, DeviceMemory wLow, int n, int stride,
            long bias, long y, int ldy, boolean accumulate) {
        Tile tile = tiles(m, large) * tiles(n, large) >= multiprocessors ? large : small;
        LaunchConfig config =
                LaunchConfig.of(1, tile.threads, tile.sharedBytes).withGrid(tiles(n, tile), tiles(m, tile), 1);
        kernels.driver().launch(tile.function, config, stream, KernelParameters.builder().add(x.high()).add(x.low())
                .add(x.unscale()).add(wHigh).add(wLow).addAddress(bias).addAddress(y).add(m).add(n).add(stride).add(ldy)
                .add(accumulate ? 1 : 0).build());
    }

    private static int tiles(int n, Tile tile) {
        return (n + tile.size - 1) / tile.size;
    }
}
