package dev.gambit.bindings;

/** A queue of work on a device: what is put into one stream runs in that order. */
public final class CudaStream extends CudaHandle {

    CudaStream(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        super(driver, context, description, peer);
    }
}
