package dev.gambit.bindings;

/** Work as it was captured from a stream; {@link CudaDriver#instantiate} makes it something to run. */
public final class CudaGraph extends CudaHandle {

    CudaGraph(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        super(driver, context, description, peer);
    }
}
