package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/**
 * One matrix of a launch and what becomes of its product {@code p = W·x}: {@code activation(p + bias)} is stored, or added
 * to what is there.
 *
 * @param matrix the matrix
 * @param thresholds which inputs are skipped, or by {@link GemvRows} count as 0; null for none
 * @param bias {@code [outputs]}; null for none
 * @param out {@code [outputs]}
 * @param accumulate whether to add, as to a residual
 * @param activation applied after the bias
 */
public record Product(DeviceMatrix matrix, SiteThresholds thresholds, DeviceMemory bias, DeviceMemory out,
        boolean accumulate, Activation activation) {

    /** Bytes of {@code Segment} in {@code block.cuh}. */
    static final int BYTES = 72;

    /** Checks sizes. */
    public Product {
        Check.floats("bias", bias, matrix.outputs());
        Check.that(out != null, "product: expected somewhere to store it, found none");
        Check.floats("product", out, matrix.outputs());
    }

    /** {@return a product that is stored} @param matrix the matrix @param thresholds null for dense @param out where to */
    public static Product store(DeviceMatrix matrix, SiteThresholds thresholds, DeviceMemory out) {
        return new Product(matrix, thresholds, null, out, false, Activation.NONE);
    }

    /** {@return a product that is added} @param matrix the matrix @param thresholds null for dense @param out to what */
    public static Product add(DeviceMatrix matrix, SiteThresholds thresholds, DeviceMemory out) {
        return new Product(matrix, thresholds, null, out, true, Activation.NONE);
    }

    /** {@return the same with a bias} @param vector {@code [outputs]}, or null */
    public Product withBias(DeviceMemory vector) {
        return new Product(matrix, thresholds, vector, out, accumulate, activation);
    }

    /** {@return the same with an activation} @param function which */
    public Product withActivation(Activation function) {
        return new Product(matrix, thresholds, bias, out, accumulate, function);
    }

    void write(ArgumentBlock b) {
        b.matrix(matrix)
                .address(SiteThresholds.address(thresholds, matrix.inputs()))
                .address(bias)
                .address(out)
                .address(SiteThresholds.kept(thresholds))
                .int32(matrix.outputs())
                .int32(SiteThresholds.stride(thresholds))
                .int32(accumulate ? 1 : 0)
                .int32(activation.ordinal());
    }
}
