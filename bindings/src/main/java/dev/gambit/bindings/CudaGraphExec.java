package dev.gambit.bindings;

/** A graph that can be launched any number of times, with one call each. */
public final class CudaGraphExec extends CudaHandle {

    CudaGraphExec(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        super(driver, context, description, peer);
    }
}
