package dev.gambit.bindings.internal;

import dev.gambit.bindings.CudaUnavailableException;
import dev.gambit.bindings.CudaUnavailableException.Reason;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;

/** NVIDIA's driver library, and what must be in it. */
public final class DriverLibrary {

    private static final String NAME = "libcuda.so.1";

    /** What is bound; each must be in the library, or the driver is too old. */
    static final List<String> SYMBOLS = List.of("cuGetErrorName", "cuGetErrorString", "cuInit", "cuDriverGetVersion",
            "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetUuid_v2", "cuDeviceTotalMem_v2",
            "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2", "cuCtxSetCurrent",
            "cuCtxSynchronize", "cuModuleLoadDataEx", "cuModuleUnload", "cuModuleGetFunction", "cuModuleGetGlobal_v2",
            "cuFuncGetAttribute", "cuFuncSetAttribute", "cuOccupancyMaxActiveBlocksPerMultiprocessor", "cuMemAlloc_v2",
            "cuMemFree_v2", "cuMemGetInfo_v2", "cuMemHostAlloc", "cuMemFreeHost", "cuMemHostRegister_v2",
            "cuMemHostUnregister", "cuMemHostGetDevicePointer_v2", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2",
            "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2", "cuMemsetD8Async",
            "cuMemsetD32Async", "cuStreamCreate", "cuStreamDestroy_v2", "cuStreamSynchronize", "cuStreamQuery",
            "cuStreamWaitEvent", "cuEventCreate", "cuEventDestroy_v2", "cuEventRecord", "cuEventSynchronize",
            "cuEventQuery", "cuEventElapsedTime", "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphGetNodes",
            "cuGraphInstantiateWithFlags", "cuGraphUpload", "cuGraphLaunch", "cuGraphExecDestroy", "cuGraphDestroy",
            "cuLaunchKernel");

    /** Only dependent launches and clusters need it. */
    static final String LAUNCH_EX = "cuLaunchKernelEx";

    private DriverLibrary() {}

    /**
     * Loads the library, before the generated class does: that would fail in its initializer, once and for all.
     *
     * @return its symbols, for as long as the process runs
     * @throws CudaUnavailableException if there is none, or one without a call that is needed
     */
    public static SymbolLookup open() {
        SymbolLookup library;
        try {
            library = SymbolLookup.libraryLookup(NAME, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new CudaUnavailableException(Reason.NO_LIBRARY, NAME + ": expected NVIDIA's driver library, found "
                    + "none; install the NVIDIA driver (a container needs --gpus all or --runtime nvidia)", e);
        }
        for (String symbol : SYMBOLS) {
            if (library.find(symbol).isEmpty()) {
                throw new CudaUnavailableException(Reason.DRIVER_TOO_OLD, NAME + ": expected the call " + symbol
                        + ", found a library without it; update the NVIDIA driver", null);
            }
        }
        return library;
    }
}
