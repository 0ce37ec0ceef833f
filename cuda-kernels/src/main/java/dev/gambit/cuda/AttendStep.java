package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;

/** {@code attend_step}, {@code attend_half}: rotary embedding, append to the cache and attention of one position, split over the context. */
public final class AttendStep {

    /** The most positions of a sequence: spans whose factors fit a block's shared memory. */
    public static final int MAX_POSITIONS = 1 << 18;

    /** Positions of a block at most. */
    private static final int MAX_SPAN = 256;
    private static final String[] NAMES = {"f32", "f16", "q8_0"};

    private final KernelModules kernels;
    private final AttentionShape shape;
    private final CudaFunction function;
    /** Whether the kernel is the one for half floats, which takes as many positions as it can in any case. */
    private final boolean half;
    /** Query heads that a block serves. */
    private final int headsPerBlock;

    /**
     * @param kernels where the kernel comes from
     * @param shape of the attention
     */
    public AttendStep(KernelModules kernels, AttentionShape shape) {
        this.kernels = kernels;
        this.shape = shape;
        int length = shape.keyLength();
        half = shape.keyType() == 1 && shape.valueType() == 1 && length == shape.valueLength()
                && (length == 64 || length == 128);
        if (half) {
            function = kernels.function("attend_half", "attend_half_" + length, 0);
            headsPerBlock = length == 64 ? 8 : 4;
        } else {
            String name = shape.keyType() == shape.valueType() ? NAMES[shape.keyType()] : "mixed";
            function = kernels.function("attend_step", "attend_step_" + name, 0);
            headsPerBlock = 8;
        }
    }

    /** The positions that a block covers where a sequence may have so many. */
    private int span(int positions) {
        return half || positions > 4096 ? MAX_SPAN : MAX_SPAN / 4;
    }

    private int spans(int positions) {
        int span = span(positions);
        return (positions + span - 1) / span;
    }

    private int chunks() {
        return (shape.heads() / shape.kvHeads() + headsPerBlock - 1) / headsPerBlock;
    }

    /** {@return the bytes of partial results for sequences of up to {@code positions}} */
    public long partialBytes(int positions) {
        return 4L * shape.heads() * spans(positions) * (shape.valueLength() + 2);
    }

    /** {@return the bytes of the tickets, zero before the first launch} */
    public long ticketBytes() {
        return 4L * shape.kvHeads() * chunks();
    }

    /**
     * Launches it.
     *
     * @param stream the stream
     * @param step the step's record
     * @param layer which layer's keys and values
     * @param q {@code float[heads · keyLength]}
     * @param k {@code float[kvHeads · keyLength]}
     * @param v {@code float[kvHeads · valueLength]}
     * @param cosine {@code float[pairs]}
     * @param sine {@code float[pairs]}
     * @param out receives {@code float[heads · valueLength]}
     * @param partial {@link #partialBytes}
     * @param tickets {@link #ticketBytes}
     * @param positions what the position stays below
     */
    public void launch(CudaStream stream, DeviceMemory step, int layer, DeviceMemory q, DeviceMemory k, DeviceMemory v,
            DeviceMemory cosine, DeviceMemory sine, DeviceMemory out, DeviceMemory partial, DeviceMemory tickets,
            int positions) {
        LaunchConfig config = LaunchConfig.of(1, half ? 512 : 128).withGrid(shape.kvHeads(), spans(positions),
                chunks());
        kernels.driver().launch(function, config, stream, KernelParameters.builder().add(step).add(layer).add(q).add(k)
                .add(v).add(cosine).add(sine).add(out).add(partial).add(tickets).add(shape.heads()).add(shape.kvHeads())
                .add(shape.keyLength()).add(shape.valueLength()).add(shape.pairs()).add(span(positions))
                .add(shape.scale()).add(shape.keyType()).add(shape.valueType()).build());
    }
}
