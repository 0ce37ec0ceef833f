package dev.gambit.bindings;

/** A loaded PTX text. Closing it ends its functions and global variables. */
public final class CudaModule extends CudaHandle {

    CudaModule(CheckedCudaDriver driver, CudaContext context, String description, Object peer) {
        super(driver, context, description, peer);
    }
}
