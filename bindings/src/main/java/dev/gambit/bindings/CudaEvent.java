package dev.gambit.bindings;

/** A mark in a stream, to wait for or to take the time between two. */
public final class CudaEvent extends CudaHandle {

    CudaEvent(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        super(driver, context, description, peer);
    }
}
