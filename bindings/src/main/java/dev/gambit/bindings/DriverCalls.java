package dev.gambit.bindings;

import java.lang.foreign.MemorySegment;

/**
 * The driver's calls as an implementation makes them: each returns CUDA's code, 0 for success, and fills {@code out} on
 * success. Handles are the implementation's own objects; addresses and sizes are numbers. A method is named after its
 * call, less {@code cu} and the version.
 */
abstract class DriverCalls {

    /** The driver's name for a code, or null. */
    protected abstract String getErrorName(int code);

    /** The driver's text for a code, or null. */
    protected abstract String getErrorString(int code);

    protected abstract int init();

    protected abstract int driverGetVersion(int[] out);

    protected abstract int deviceGetCount(int[] out);

    protected abstract int deviceGet(int[] out, int ordinal);

    protected abstract int deviceGetName(String[] out, int device);

    /** Sixteen bytes. */
    protected abstract int deviceGetUuid(byte[] out, int device);

    protected abstract int deviceTotalMem(long[] out, int device);

    protected abstract int deviceGetAttribute(int[] out, int attribute, int device);

    protected abstract int devicePrimaryCtxRetain(Object[] out, int device);

    protected abstract int devicePrimaryCtxRelease(int device);

    /** Of null: none is current. */
    protected abstract int ctxSetCurrent(Object context);

    protected abstract int ctxSynchronize();

    /** Of a text without a final 0; what the compiler prints is put into the log, on success too. */
    protected abstract int moduleLoadDataEx(Object[] out, byte[] ptx, StringBuilder log);

    protected abstract int moduleUnload(Object module);

    protected abstract int moduleGetFunction(Object[] out, Object module, String name);

    /** Address and size. */
    protected abstract int moduleGetGlobal(long[] out, Object module, String name);

    protected abstract int funcGetAttribute(int[] out, int attribute, Object function);

    protected abstract int funcSetAttribute(Object function, int attribute, int value);

    protected abstract int occupancyMaxActiveBlocks(int[] out, Object function, int threads, long sharedBytes);

    protected abstract int memAlloc(long[] out, long bytes);

    protected abstract int memFree(long address);

    /** Free and total. */
    protected abstract int memGetInfo(long[] out);

    protected abstract int memHostAlloc(long[] out, long bytes, int flags);

    protected abstract int memFreeHost(long address);

    protected abstract int memHostRegister(long address, long bytes, int flags);

    protected abstract int memHostUnregister(long address);

    protected abstract int memHostGetDevicePointer(long[] out, long address);

    protected abstract int memcpyHtoD(long target, MemorySegment source);

    protected abstract int memcpyDtoH(MemorySegment target, long source);

    protected abstract int memcpyHtoDAsync(long target, MemorySegment source, Object stream);

    protected abstract int memcpyDtoHAsync(MemorySegment target, long source, Object stream);

    protected abstract int memcpyDtoDAsync(long target, long source, long bytes, Object stream);

    protected abstract int memsetD8Async(long target, byte value, long count, Object stream);

    protected abstract int memsetD32Async(long target, int value, long count, Object stream);

    protected abstract int streamCreate(Object[] out, int flags);

    protected abstract int streamDestroy(Object stream);

    /** A null stream is the default one. */
    protected abstract int streamSynchronize(Object stream);

    protected abstract int streamQuery(Object stream);

    protected abstract int streamWaitEvent(Object stream, Object event);

    protected abstract int eventCreate(Object[] out, int flags);

    protected abstract int eventDestroy(Object event);

    protected abstract int eventRecord(Object event, Object stream);

    protected abstract int eventSynchronize(Object event);

    protected abstract int eventQuery(Object event);

    /** Milliseconds. */
    protected abstract int eventElapsedTime(float[] out, Object start, Object end);

    protected abstract int streamBeginCapture(Object stream, int mode);

    protected abstract int streamEndCapture(Object[] out, Object stream);

    /** How many. */
    protected abstract int graphGetNodes(long[] out, Object graph);

    protected abstract int graphInstantiate(Object[] out, Object graph);

    protected abstract int graphUpload(Object exec, Object stream);

    protected abstract int graphLaunch(Object exec, Object stream);

    protected abstract int graphExecDestroy(Object exec);

    protected abstract int graphDestroy(Object graph);

    protected abstract int launchKernel(Object function, LaunchConfig config, Object stream,
            KernelParameters parameters);

    /** With {@link LaunchConfig#dependent} and {@link LaunchConfig#clusterX}; called only where it is supported. */
    protected abstract int launchKernelEx(Object function, LaunchConfig config, Object stream,
            KernelParameters parameters);
}
