package dev.gambit.bindings;

/**
 * A GPU as the driver lists it.
 *
 * @param ordinal its number, from 0, in the driver's order
 * @param handle the driver's {@code CUdevice}
 * @param name such as {@code NVIDIA H200}
 * @param uuid such as {@code GPU-8e1a0c3b-...}, as nvidia-smi prints it
 * @param totalMemory bytes
 * @param major compute capability before the dot
 * @param minor compute capability after the dot
 */
public record CudaDevice(int ordinal, int handle, String name, String uuid, long totalMemory, int major, int minor) {

    /** {@return the compute capability as ten times the major plus the minor number, such as 87 for Orin} */
    public int computeCapability() {
        return 10 * major + minor;
    }
}
