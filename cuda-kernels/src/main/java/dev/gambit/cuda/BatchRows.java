package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** The kernels of {@code rows.cu}: what a batch of positions needs between its matrix products. */
public final class BatchRows {

    private static final int THREADS = 256;

    private final KernelModules kernels;
    private final CudaFunction norm;
    private final CudaFunction split;
    private final CudaFunction ffn;
    private final CudaFunction angles;
    private final CudaFunction rope;
    private final CudaFunction count;

    /**
     * @param kernels where the kernels come from
     */
    public BatchRows(KernelModules kernels) {
        this.kernels = kernels;
        norm = kernels.function("rows", "norm_rows", 0);
        split = kernels.function("rows", "split_rows", 0);
        ffn = kernels.function("rows", "ffn_rows", 0);
        angles = kernels.function("rows", "angles_rows", 0);
        count = kernels.function("rows", "count_normed", 0);
        rope = kernels.function("rows", "rope_rows", 0);
    }

    private void launch(CudaFunction function, int blocks, CudaStream stream, KernelParameters.Builder parameters) {
        kernels.driver().launch(function, LaunchConfig.of(blocks, THREADS), stream, parameters.build());
    }

    /** Normalises rows: {@code y = x · weight / sqrt(mean(x²) + epsilon)}, {@code float[rows][width]}. */
    public void norm(CudaStream stream, int rows, DeviceMemory x, DeviceMemory weight, float epsilon, int width,
            DeviceMemory y) {
        launch(norm, rows, stream,
                KernelParameters.builder().add(x).add(weight).add(epsilon).add(width).add(width).add(y));
    }

    /**
     * Masks rows and turns them into half floats.
     *
     * @param x {@code float[rows][width]}
     * @param thresholds address of the site's thresholds, one a channel; 0 to keep everything
     * @param to receives the halves
     * @param stride of {@code to}
     * @param rowCounts receives {@code int[rows]}, what each row kept; null if nobody asks
     * @param total address of a 64-bit counter that their sum is added to; 0 for none
     */
    public void split(CudaStream stream, int rows, DeviceMemory x, int width, long thresholds, HalfRows to, int stride,
            DeviceMemory rowCounts, long total) {
        launch(split, rows, stream, KernelParameters.builder().add(x).add(width).add(width).addAddress(thresholds).add(
                1)
                .add(to.high()).add(to.low()).add(stride).add(to.unscale()).add(rowCounts).addAddress(total));
    }

    /** Applies SiLU to rows in place, {@code float[rows][width]}. */
    public void activate(CudaStream stream, int rows, DeviceMemory gate, DeviceMemory up, int width) {
        launch(ffn, rows, stream, KernelParameters.builder().add(gate).add(up).add(width).add(width).add(1).add(1)
                .addAddress(0).add(1).addAddress(0).add(1).addAddress(0).addAddress(0).add(0).addAddress(0).addAddress(
                        0)
                .addAddress(0).addAddress(0).addAddress(0));
    }

    /**
     * The FFN's product: {@code act(gate)} masked, times up, masked, as half floats. The gate's memory is overwritten.
     *
     * @param gate {@code float[rows][width]}
     * @param up {@code float[rows][width]}
     * @param activated whether the activation has been applied already
     * @param actThresholds address of the activations' thresholds; 0 for none
     * @param downThresholds address of the products' thresholds; 0 for none
     * @param to receives the halves
     * @param stride of {@code to}
     * @param upCounts {@code int[rows]}: the inputs that up's rows used
     * @param totals address of three 64-bit counters: kept activations, kept products, activations × up's inputs; 0 for
     *        none
     */
    public void ffn(CudaStream stream, int rows, DeviceMemory gate, DeviceMemory up, int width, boolean activated,
            long actThresholds, long downThresholds, HalfRows to, int stride, DeviceMemory upCounts, long totals) {
        launch(ffn, rows, stream, KernelParameters.builder().add(gate).add(up).add(width).add(width)
                .add(activated ? 0 : 1).add(0).addAddress(actThresholds).add(1).addAddress(downThresholds).add(1)
                .add(to.high()).add(to.low()).add(stride).add(to.unscale()).add(upCounts).addAddress(totals)
                .addAddress(totals == 0 ? 0 : totals + 8).addAddress(totals == 0 ? 0 : totals + 16));
    }

    /** Computes the rotary angles of {@code rows} positions from {@code start} on, {@code float[rows][pairs]} each. */
    public void angles(CudaStream stream, int start, int rows, DeviceMemory frequency, int pairs, DeviceMemory cosine,
            DeviceMemory sine) {
        int blocks = (rows * pairs + THREADS - 1) / THREADS;
        launch(angles, blocks, stream, KernelParameters.builder().add(start).add(rows).add(frequency).add(pairs).add(
                cosine)
                .add(sine));
    }

    /**
     * Rotates queries and keys in place and appends keys and values to a layer's cache.
     *
     * @param q {@code float[rows][heads · keyLength]}
     * @param k {@code float[rows][kvHeads · keyLength]}
     * @param v {@code float[rows][kvHeads · valueLength]}
     * @param start position of the first row
     * @param keys address of the layer's keys
     * @param values address of the layer's values
     */
    public void rope(CudaStream stream, int rows, DeviceMemory q, DeviceMemory k, DeviceMemory v, DeviceMemory cosine,
            DeviceMemory sine, int start, AttentionShape shape, long keys, long values) {
        launch(rope, rows, stream, KernelParameters.builder().add(q).add(k).add(v).add(cosine).add(sine).add(start)
                .add(shape.heads()).add(shape.kvHeads()).add(shape.keyLength()).add(shape.valueLength()).add(shape
                        .pairs())
                .add(shape.keyType()).addAddress(keys).add(shape.valueType()).addAddress(values));
    }

    /**
     * Counts the entries of a vector under RMS norm that thresholds keep, for products that mask it without counting.
     *
     * @param x {@code float[width]}
     * @param weight {@code float[width]}
     * @param thresholds one a channel, with the counter that the number is added to
     */
    public void countNormed(CudaStream stream, DeviceMemory x, DeviceMemory weight, float epsilon, int width,
            SiteThresholds thresholds) {
        launch(count, 1, stream, KernelParameters.builder().add(x).add(weight).add(epsilon).add(width)
                .add(thresholds.values()).add(thresholds.stride()).add(thresholds.kept()));
    }
}
