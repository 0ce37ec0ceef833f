package dev.gambit.bindings.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gambit.bindings.CheckedCudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.CudaUnavailableException;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;
import dev.gambit.bindings.cuda.CUuuid_st;
import dev.gambit.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * The driver through Java's foreign functions, on what jextract generated from CUDA's header. A handle is the
 * {@link MemorySegment} of its address.
 * <p>
 * jextract knows the versioned symbols behind the header's names; the plain ones of the same calls have an older ABI and
 * are not bound. Nothing newer than the driver of CUDA 12.2 is needed, which is what JetPack 6 starts with.
 */
public final class FfmCudaDriver extends CheckedCudaDriver {

    private static final int JIT_LOG = 16 * 1024;
    private static final int NAME = 256;

    /** A launch's configuration and its attributes, written anew for each launch on a thread. */
    private final ThreadLocal<LaunchBlock> launchBlock = ThreadLocal.withInitial(LaunchBlock::new);
    private final boolean launchEx;

    private FfmCudaDriver(boolean launchEx) {
        this.launchEx = launchEx;
    }

    /**
     * Loads and starts the driver.
     *
     * @return the driver
     * @throws CudaUnavailableException if there is none, it is too old, does not start, or sees no GPU
     */
    public static FfmCudaDriver open() {
        SymbolLookup library = DriverLibrary.open();
        FfmCudaDriver driver = new FfmCudaDriver(library.find(DriverLibrary.LAUNCH_EX).isPresent());
        driver.start();
        return driver;
    }

    @Override
    public String name() {
        return CudaDrivers.FFM;
    }

    @Override
    public boolean supportsLaunchAttributes() {
        return launchEx;
    }

    @Override
    protected String getErrorName(int code) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            return Cuda.cuGetErrorName(code, out) == 0 ? text(out) : null;
        }
    }

    @Override
    protected String getErrorString(int code) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            return Cuda.cuGetErrorString(code, out) == 0 ? text(out) : null;
        }
    }

    private static String text(MemorySegment pointer) {
        MemorySegment text = pointer.get(Cuda.C_POINTER, 0);
        return text.address() == 0 ? null : text.getString(0);
    }

    /** A call that writes a number. */
    private interface Call {
        int make(MemorySegment out);
    }

    private static int toInt(int[] result, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            int code = call.make(out);
            result[0] = out.get(JAVA_INT, 0);
            return code;
        }
    }

    private static int toLong(long[] result, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int code = call.make(out);
            result[0] = out.get(JAVA_LONG, 0);
            return code;
        }
    }

    private static int toHandle(Object[] result, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int code = call.make(out);
            result[0] = out.get(ADDRESS, 0);
            return code;
        }
    }

    private static MemorySegment at(long address) {
        return MemorySegment.ofAddress(address);
    }

    private static MemorySegment handle(Object peer) {
        return peer == null ? MemorySegment.NULL : (MemorySegment) peer;
    }

    // ---- start and devices

    @Override
    protected int init() {
        return Cuda.cuInit(0);
    }

    @Override
    protected int driverGetVersion(int[] result) {
        return toInt(result, Cuda::cuDriverGetVersion);
    }

    @Override
    protected int deviceGetCount(int[] result) {
        return toInt(result, Cuda::cuDeviceGetCount);
    }

    @Override
    protected int deviceGet(int[] result, int ordinal) {
        return toInt(result, out -> Cuda.cuDeviceGet(out, ordinal));
    }

    @Override
    protected int deviceGetName(String[] result, int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(NAME);
            int code = Cuda.cuDeviceGetName(out, NAME, device);
            result[0] = out.getString(0);
            return code;
        }
    }

    @Override
    protected int deviceGetUuid(byte[] result, int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = CUuuid_st.allocate(arena);
            int code = Cuda.cuDeviceGetUuid_v2(out, device);
            MemorySegment.copy(out, JAVA_BYTE, 0, result, 0, result.length);
            return code;
        }
    }

    @Override
    protected int deviceTotalMem(long[] result, int device) {
        return toLong(result, out -> Cuda.cuDeviceTotalMem_v2(out, device));
    }

    @Override
    protected int deviceGetAttribute(int[] result, int attribute, int device) {
        return toInt(result, out -> Cuda.cuDeviceGetAttribute(out, attribute, device));
    }

    // ---- contexts

    @Override
    protected int devicePrimaryCtxRetain(Object[] result, int device) {
        return toHandle(result, out -> Cuda.cuDevicePrimaryCtxRetain(out, device));
    }

    @Override
    protected int devicePrimaryCtxRelease(int device) {
        return Cuda.cuDevicePrimaryCtxRelease_v2(device);
    }

    @Override
    protected int ctxSetCurrent(Object context) {
        return Cuda.cuCtxSetCurrent(context == null ? MemorySegment.NULL : handle(context));
    }

    @Override
    protected int ctxSynchronize() {
        return Cuda.cuCtxSynchronize();
    }

    // ---- modules

    @Override
    protected int moduleLoadDataEx(Object[] result, byte[] ptx, StringBuilder log) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment image = arena.allocate(ptx.length + 1L);
            MemorySegment.copy(ptx, 0, image, JAVA_BYTE, 0, ptx.length);
            MemorySegment info = arena.allocate(JIT_LOG);
            MemorySegment errors = arena.allocate(JIT_LOG);
            MemorySegment options = arena.allocateFrom(JAVA_INT, Cuda.CU_JIT_INFO_LOG_BUFFER(),
                    Cuda.CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES(), Cuda.CU_JIT_ERROR_LOG_BUFFER(),
                    Cuda.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES());
            // void*: an address, or a number in place of one
            MemorySegment values = arena.allocateFrom(JAVA_LONG, info.address(), JIT_LOG, errors.address(), JIT_LOG);
            MemorySegment out = arena.allocate(ADDRESS);
            int code = Cuda.cuModuleLoadDataEx(out, image, 4, options, values);
            result[0] = out.get(ADDRESS, 0);
            log.append(errors.getString(0)).append(info.getString(0));
            return code;
        }
    }

    @Override
    protected int moduleUnload(Object module) {
        return Cuda.cuModuleUnload(handle(module));
    }

    @Override
    protected int moduleGetFunction(Object[] result, Object module, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(name);
            return toHandle(result, out -> Cuda.cuModuleGetFunction(out, handle(module), text));
        }
    }

    @Override
    protected int moduleGetGlobal(long[] result, Object module, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG, 2);
            int code = Cuda.cuModuleGetGlobal_v2(out, out.asSlice(8), handle(module), arena.allocateFrom(name));
            result[0] = out.getAtIndex(JAVA_LONG, 0);
            result[1] = out.getAtIndex(JAVA_LONG, 1);
            return code;
        }
    }

    @Override
    protected int funcGetAttribute(int[] result, int attribute, Object function) {
        return toInt(result, out -> Cuda.cuFuncGetAttribute(out, attribute, handle(function)));
    }

    @Override
    protected int funcSetAttribute(Object function, int attribute, int value) {
        return Cuda.cuFuncSetAttribute(handle(function), attribute, value);
    }

    @Override
    protected int occupancyMaxActiveBlocks(int[] result, Object function, int threads, long sharedBytes) {
        return toInt(result, out -> Cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(out, handle(function), threads,
                sharedBytes));
    }

    // ---- memory

    @Override
    protected int memAlloc(long[] result, long bytes) {
        return toLong(result, out -> Cuda.cuMemAlloc_v2(out, bytes));
    }

    @Override
    protected int memFree(long address) {
        return Cuda.cuMemFree_v2(address);
    }

    @Override
    protected int memGetInfo(long[] result) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG, 2);
            int code = Cuda.cuMemGetInfo_v2(out, out.asSlice(8));
            result[0] = out.getAtIndex(JAVA_LONG, 0);
            result[1] = out.getAtIndex(JAVA_LONG, 1);
            return code;
        }
    }

    @Override
    protected int memHostAlloc(long[] result, long bytes, int flags) {
        return toLong(result, out -> Cuda.cuMemHostAlloc(out, bytes, flags));
    }

    @Override
    protected int memFreeHost(long address) {
        return Cuda.cuMemFreeHost(at(address));
    }

    @Override
    protected int memHostRegister(long address, long bytes, int flags) {
        return Cuda.cuMemHostRegister_v2(at(address), bytes, flags);
    }

    @Override
    protected int memHostUnregister(long address) {
        return Cuda.cuMemHostUnregister(at(address));
    }

    @Override
    protected int memHostGetDevicePointer(long[] result, long address) {
        return toLong(result, out -> Cuda.cuMemHostGetDevicePointer_v2(out, at(address), 0));
    }

    @Override
    protected int memcpyHtoD(long target, MemorySegment source) {
        return Cuda.cuMemcpyHtoD_v2(target, source, source.byteSize());
    }

    @Override
    protected int memcpyDtoH(MemorySegment target, long source) {
        return Cuda.cuMemcpyDtoH_v2(target, source, target.byteSize());
    }

    @Override
    protected int memcpyHtoDAsync(long target, MemorySegment source, Object stream) {
        return Cuda.cuMemcpyHtoDAsync_v2(target, source, source.byteSize(), handle(stream));
    }

    @Override
    protected int memcpyDtoHAsync(MemorySegment target, long source, Object stream) {
        return Cuda.cuMemcpyDtoHAsync_v2(target, source, target.byteSize(), handle(stream));
    }

    @Override
    protected int memcpyDtoDAsync(long target, long source, long bytes, Object stream) {
        return Cuda.cuMemcpyDtoDAsync_v2(target, source, bytes, handle(stream));
    }

    @Override
    protected int memsetD8Async(long target, byte value, long count, Object stream) {
        return Cuda.cuMemsetD8Async(target, value, count, handle(stream));
    }

    @Override
    protected int memsetD32Async(long target, int value, long count, Object stream) {
        return Cuda.cuMemsetD32Async(target, value, count, handle(stream));
    }

    // ---- streams and events

    @Override
    protected int streamCreate(Object[] result, int flags) {
        return toHandle(result, out -> Cuda.cuStreamCreate(out, flags));
    }

    @Override
    protected int streamDestroy(Object stream) {
        return Cuda.cuStreamDestroy_v2(handle(stream));
    }

    @Override
    protected int streamSynchronize(Object stream) {
        return Cuda.cuStreamSynchronize(handle(stream));
    }

    @Override
    protected int streamQuery(Object stream) {
        return Cuda.cuStreamQuery(handle(stream));
    }

    @Override
    protected int streamWaitEvent(Object stream, Object event) {
        return Cuda.cuStreamWaitEvent(handle(stream), handle(event), 0);
    }

    @Override
    protected int eventCreate(Object[] result, int flags) {
        return toHandle(result, out -> Cuda.cuEventCreate(out, flags));
    }

    @Override
    protected int eventDestroy(Object event) {
        return Cuda.cuEventDestroy_v2(handle(event));
    }

    @Override
    protected int eventRecord(Object event, Object stream) {
        return Cuda.cuEventRecord(handle(event), handle(stream));
    }

    @Override
    protected int eventSynchronize(Object event) {
        return Cuda.cuEventSynchronize(handle(event));
    }

    @Override
    protected int eventQuery(Object event) {
        return Cuda.cuEventQuery(handle(event));
    }

    @Override
    protected int eventElapsedTime(float[] result, Object start, Object end) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_FLOAT);
            // the plain call: the driver of JetPack 6 has no second version of it
            int code = Cuda.cuEventElapsedTime(out, handle(start), handle(end));
            result[0] = out.get(JAVA_FLOAT, 0);
            return code;
        }
    }

    // ---- graphs and launches

    @Override
    protected int streamBeginCapture(Object stream, int mode) {
        return Cuda.cuStreamBeginCapture_v2(handle(stream), mode);
    }

    @Override
    protected int streamEndCapture(Object[] result, Object stream) {
        return toHandle(result, out -> Cuda.cuStreamEndCapture(handle(stream), out));
    }

    @Override
    protected int graphGetNodes(long[] result, Object graph) {
        return toLong(result, out -> Cuda.cuGraphGetNodes(handle(graph), MemorySegment.NULL, out));
    }

    @Override
    protected int graphInstantiate(Object[] result, Object graph) {
        return toHandle(result, out -> Cuda.cuGraphInstantiateWithFlags(out, handle(graph), 0));
    }

    @Override
    protected int graphUpload(Object exec, Object stream) {
        return Cuda.cuGraphUpload(handle(exec), handle(stream));
    }

    @Override
    protected int graphLaunch(Object exec, Object stream) {
        return Cuda.cuGraphLaunch(handle(exec), handle(stream));
    }

    @Override
    protected int graphExecDestroy(Object exec) {
        return Cuda.cuGraphExecDestroy(handle(exec));
    }

    @Override
    protected int graphDestroy(Object graph) {
        return Cuda.cuGraphDestroy(handle(graph));
    }

    @Override
    protected int launchKernel(Object function, LaunchConfig c, Object stream, KernelParameters parameters) {
        return Cuda.cuLaunchKernel(handle(function), c.gridX(), c.gridY(), c.gridZ(), c.blockX(), c.blockY(),
                c.blockZ(), c.sharedBytes(), handle(stream), parameters.block(), MemorySegment.NULL);
    }

    @Override
    protected int launchKernelEx(Object function, LaunchConfig config, Object stream, KernelParameters parameters) {
        MemorySegment block = launchBlock.get().filled(config, handle(stream));
        return Cuda.cuLaunchKernelEx(block, handle(function), parameters.block(), MemorySegment.NULL);
    }
}
