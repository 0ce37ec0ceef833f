package dev.gambit.cuda;

import dev.gambit.bindings.CudaDevice;

/** A set of PTX texts, compiled by the driver for the GPU at hand. */
public enum PtxSet {
    /** For compute capability 8.0 and later, ISA 7.8: drivers from CUDA 11.8 on. */
    COMPUTE_80("compute_80"),
    /** For compute capability 9.0 and later, where kernels can start before the one in front of them has ended. */
    SM_90("sm_90");

    private final String folder;

    PtxSet(String folder) {
        this.folder = folder;
    }

    /** {@return the folder's name} */
    public String folder() {
        return folder;
    }

    /**
     * The best set for a device.
     *
     * @param device the device
     * @param launchAttributes whether the driver implementation can launch with attributes
     * @return the set; null below compute capability 8.0
     */
    public static PtxSet of(CudaDevice device, boolean launchAttributes) {
        if (device.computeCapability() < 80) {
            return null;
        }
        return device.computeCapability() >= 90 && launchAttributes ? SM_90 : COMPUTE_80;
    }
}
