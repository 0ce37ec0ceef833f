package dev.gambit.bindings.jcuda.internal;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gambit.bindings.CheckedCudaDriver;
import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.CudaUnavailableException;
import dev.gambit.bindings.CudaUnavailableException.Reason;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;
import dev.gambit.bindings.internal.DriverLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUuuid;

/**
 * The driver through JCuda's native library. A handle is JCuda's object for it. There is no {@code cuLaunchKernelEx}, so
 * neither dependent launches nor clusters.
 */
public final class JCudaDriver extends CheckedCudaDriver {

    private static final int JIT_LOG = 16 * 1024;
    private static final int NAME = 256;

    /** JCuda's devices by the driver's number. */
    private final Map<Integer, CUdevice> devices = new ConcurrentHashMap<>();

    private JCudaDriver() {}

    /**
     * Loads JCuda and starts the driver.
     *
     * @return the driver
     * @throws CudaUnavailableException if there is none, it is too old, does not start, or sees no GPU; or if JCuda has
     *         no natives for this processor
     */
    public static JCudaDriver open() {
        // JCuda's message for a missing driver is about JCuda's own files
        DriverLibrary.open();
        try {
            jcuda.driver.JCudaDriver.setExceptionsEnabled(false);
        } catch (LinkageError e) {
            throw new CudaUnavailableException(Reason.NO_IMPLEMENTATION, "CUDA driver jcuda: expected JCuda's native "
                    + "library for " + System.getProperty("os.name") + " on " + System.getProperty("os.arch")
                    + ", found none that loads; use --cuda-driver ffm, which needs none", e);
        }
        JCudaDriver driver = new JCudaDriver();
        driver.start();
        return driver;
    }

    @Override
    public String name() {
        return CudaDrivers.JCUDA;
    }

    @Override
    public boolean supportsLaunchAttributes() {
        return false;
    }

    @Override
    protected String getErrorName(int code) {
        String[] out = new String[1];
        return jcuda.driver.JCudaDriver.cuGetErrorName(code, out) == 0 ? out[0] : null;
    }

    @Override
    protected String getErrorString(int code) {
        String[] out = new String[1];
        return jcuda.driver.JCudaDriver.cuGetErrorString(code, out) == 0 ? out[0] : null;
    }

    private static CUstream stream(Object peer) {
        return peer == null ? new CUstream() : (CUstream) peer;
    }

    private static CUevent event(Object peer) {
        return (CUevent) peer;
    }

    /** Gives JCuda an object to fill in. */
    private static <T> T made(Object[] out, T object) {
        out[0] = object;
        return object;
    }

    // ---- start and devices

    @Override
    protected int init() {
        return jcuda.driver.JCudaDriver.cuInit(0);
    }

    @Override
    protected int driverGetVersion(int[] out) {
        return jcuda.driver.JCudaDriver.cuDriverGetVersion(out);
    }

    @Override
    protected int deviceGetCount(int[] out) {
        return jcuda.driver.JCudaDriver.cuDeviceGetCount(out);
    }

    @Override
    protected int deviceGet(int[] out, int ordinal) {
        Device device = new Device();
        int code = jcuda.driver.JCudaDriver.cuDeviceGet(device, ordinal);
        out[0] = device.value();
        devices.put(out[0], device);
        return code;
    }

    @Override
    protected int deviceGetName(String[] out, int device) {
        byte[] name = new byte[NAME];
        int code = jcuda.driver.JCudaDriver.cuDeviceGetName(name, NAME, devices.get(device));
        int length = 0;
        while (length < NAME && name[length] != 0) {
            length++;
        }
        out[0] = new String(name, 0, length, StandardCharsets.UTF_8);
        return code;
    }

    @Override
    protected int deviceGetUuid(byte[] out, int device) {
        CUuuid uuid = new CUuuid();
        int code = jcuda.driver.JCudaDriver.cuDeviceGetUuid(uuid, devices.get(device));
        System.arraycopy(uuid.bytes, 0, out, 0, out.length);
        return code;
    }

    @Override
    protected int deviceTotalMem(long[] out, int device) {
        return jcuda.driver.JCudaDriver.cuDeviceTotalMem(out, devices.get(device));
    }

    @Override
    protected int deviceGetAttribute(int[] out, int attribute, int device) {
        return jcuda.driver.JCudaDriver.cuDeviceGetAttribute(out, attribute, devices.get(device));
    }

    // ---- contexts

    @Override
    protected int devicePrimaryCtxRetain(Object[] out, int device) {
        return jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain(made(out, new CUcontext()), devices.get(device));
    }

    @Override
    protected int devicePrimaryCtxRelease(int device) {
        return jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease(devices.get(device));
    }

    @Override
    protected int ctxSetCurrent(Object context) {
        return jcuda.driver.JCudaDriver.cuCtxSetCurrent(context == null ? new CUcontext() : (CUcontext) context);
    }

    @Override
    protected int ctxSynchronize() {
        return jcuda.driver.JCudaDriver.cuCtxSynchronize();
    }

    // ---- modules

    @Override
    protected int moduleLoadDataEx(Object[] out, byte[] ptx, StringBuilder log) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment image = arena.allocate(ptx.length + 1L);
            MemorySegment.copy(ptx, 0, image, JAVA_BYTE, 0, ptx.length);
            MemorySegment info = arena.allocate(JIT_LOG);
            MemorySegment errors = arena.allocate(JIT_LOG);
            int[] options = {CUjit_option.CU_JIT_INFO_LOG_BUFFER, CUjit_option.CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
                CUjit_option.CU_JIT_ERROR_LOG_BUFFER, CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
            MemorySegment values = arena.allocateFrom(JAVA_LONG, info.address(), JIT_LOG, errors.address(), JIT_LOG);
            int code = jcuda.driver.JCudaDriver.cuModuleLoadDataEx(made(out, new CUmodule()),
                    new HostAddress(image.address()), options.length, options, new HostAddress(values.address()));
            log.append(errors.getString(0)).append(info.getString(0));
            return code;
        }
    }

    @Override
    protected int moduleUnload(Object module) {
        return jcuda.driver.JCudaDriver.cuModuleUnload((CUmodule) module);
    }

    @Override
    protected int moduleGetFunction(Object[] out, Object module, String name) {
        return jcuda.driver.JCudaDriver.cuModuleGetFunction(made(out, new CUfunction()), (CUmodule) module, name);
    }

    @Override
    protected int moduleGetGlobal(long[] out, Object module, String name) {
        DeviceAddress address = new DeviceAddress();
        long[] size = new long[1];
        int code = jcuda.driver.JCudaDriver.cuModuleGetGlobal(address, size, (CUmodule) module, name);
        out[0] = address.value();
        out[1] = size[0];
        return code;
    }

    @Override
    protected int funcGetAttribute(int[] out, int attribute, Object function) {
        return jcuda.driver.JCudaDriver.cuFuncGetAttribute(out, attribute, (CUfunction) function);
    }

    @Override
    protected int funcSetAttribute(Object function, int attribute, int value) {
        return jcuda.driver.JCudaDriver.cuFuncSetAttribute((CUfunction) function, attribute, value);
    }

    @Override
    protected int occupancyMaxActiveBlocks(int[] out, Object function, int threads, long sharedBytes) {
        return jcuda.driver.JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(out, (CUfunction) function, threads,
                sharedBytes);
    }

    // ---- memory

    @Override
    protected int memAlloc(long[] out, long bytes) {
        DeviceAddress address = new DeviceAddress();
        int code = jcuda.driver.JCudaDriver.cuMemAlloc(address, bytes);
        out[0] = address.value();
        return code;
    }

    @Override
    protected int memFree(long address) {
        return jcuda.driver.JCudaDriver.cuMemFree(new DeviceAddress(address));
    }

    @Override
    protected int memGetInfo(long[] out) {
        long[] total = new long[1];
        int code = jcuda.driver.JCudaDriver.cuMemGetInfo(out, total);
        out[1] = total[0];
        return code;
    }

    @Override
    protected int memHostAlloc(long[] out, long bytes, int flags) {
        HostAddress address = new HostAddress();
        int code = jcuda.driver.JCudaDriver.cuMemHostAlloc(address, bytes, flags);
        out[0] = address.value();
        return code;
    }

    @Override
    protected int memFreeHost(long address) {
        return jcuda.driver.JCudaDriver.cuMemFreeHost(new HostAddress(address));
    }

    @Override
    protected int memHostRegister(long address, long bytes, int flags) {
        return jcuda.driver.JCudaDriver.cuMemHostRegister(new HostAddress(address), bytes, flags);
    }

    @Override
    protected int memHostUnregister(long address) {
        return jcuda.driver.JCudaDriver.cuMemHostUnregister(new HostAddress(address));
    }

    @Override
    protected int memHostGetDevicePointer(long[] out, long address) {
        DeviceAddress device = new DeviceAddress();
        int code = jcuda.driver.JCudaDriver.cuMemHostGetDevicePointer(device, new HostAddress(address), 0);
        out[0] = device.value();
        return code;
    }

    @Override
    protected int memcpyHtoD(long target, MemorySegment source) {
        try {
            return jcuda.driver.JCudaDriver.cuMemcpyHtoD(new DeviceAddress(target), new HostAddress(source.address()),
                    source.byteSize());
        } finally {
            // JCuda knows the address alone, which does not keep the memory from being collected
            Reference.reachabilityFence(source);
        }
    }

    @Override
    protected int memcpyDtoH(MemorySegment target, long source) {
        try {
            return jcuda.driver.JCudaDriver.cuMemcpyDtoH(new HostAddress(target.address()), new DeviceAddress(source),
                    target.byteSize());
        } finally {
            Reference.reachabilityFence(target);
        }
    }

    @Override
    protected int memcpyHtoDAsync(long target, MemorySegment source, Object stream) {
        try {
            return jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync(new DeviceAddress(target),
                    new HostAddress(source.address()), source.byteSize(), stream(stream));
        } finally {
            Reference.reachabilityFence(source);
        }
    }

    @Override
    protected int memcpyDtoHAsync(MemorySegment target, long source, Object stream) {
        try {
            return jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync(new HostAddress(target.address()),
                    new DeviceAddress(source), target.byteSize(), stream(stream));
        } finally {
            Reference.reachabilityFence(target);
        }
    }

    @Override
    protected int memcpyDtoDAsync(long target, long source, long bytes, Object stream) {
        return jcuda.driver.JCudaDriver.cuMemcpyDtoDAsync(new DeviceAddress(target), new DeviceAddress(source), bytes,
                stream(stream));
    }

    @Override
    protected int memsetD8Async(long target, byte value, long count, Object stream) {
        return jcuda.driver.JCudaDriver.cuMemsetD8Async(new DeviceAddress(target), value, count, stream(stream));
    }

    @Override
    protected int memsetD32Async(long target, int value, long count, Object stream) {
        return jcuda.driver.JCudaDriver.cuMemsetD32Async(new DeviceAddress(target), value, count, stream(stream));
    }

    // ---- streams and events

    @Override
    protected int streamCreate(Object[] out, int flags) {
        return jcuda.driver.JCudaDriver.cuStreamCreate(made(out, new CUstream()), flags);
    }

    @Override
    protected int streamDestroy(Object stream) {
        return jcuda.driver.JCudaDriver.cuStreamDestroy(stream(stream));
    }

    @Override
    protected int streamSynchronize(Object stream) {
        return jcuda.driver.JCudaDriver.cuStreamSynchronize(stream(stream));
    }

    @Override
    protected int streamQuery(Object stream) {
        return jcuda.driver.JCudaDriver.cuStreamQuery(stream(stream));
    }

    @Override
    protected int streamWaitEvent(Object stream, Object event) {
        return jcuda.driver.JCudaDriver.cuStreamWaitEvent(stream(stream), event(event), 0);
    }

    @Override
    protected int eventCreate(Object[] out, int flags) {
        return jcuda.driver.JCudaDriver.cuEventCreate(made(out, new CUevent()), flags);
    }

    @Override
    protected int eventDestroy(Object event) {
        return jcuda.driver.JCudaDriver.cuEventDestroy(event(event));
    }

    @Override
    protected int eventRecord(Object event, Object stream) {
        return jcuda.driver.JCudaDriver.cuEventRecord(event(event), stream(stream));
    }

    @Override
    protected int eventSynchronize(Object event) {
        return jcuda.driver.JCudaDriver.cuEventSynchronize(event(event));
    }

    @Override
    protected int eventQuery(Object event) {
        return jcuda.driver.JCudaDriver.cuEventQuery(event(event));
    }

    @Override
    protected int eventElapsedTime(float[] out, Object start, Object end) {
        return jcuda.driver.JCudaDriver.cuEventElapsedTime(out, event(start), event(end));
    }

    // ---- graphs and launches

    @Override
    protected int streamBeginCapture(Object stream, int mode) {
        return jcuda.driver.JCudaDriver.cuStreamBeginCapture(stream(stream), mode);
    }

    @Override
    protected int streamEndCapture(Object[] out, Object stream) {
        return jcuda.driver.JCudaDriver.cuStreamEndCapture(stream(stream), made(out, new CUgraph()));
    }

    @Override
    protected int graphGetNodes(long[] out, Object graph) {
        return jcuda.driver.JCudaDriver.cuGraphGetNodes((CUgraph) graph, null, out);
    }

    @Override
    protected int graphInstantiate(Object[] out, Object graph) {
        return jcuda.driver.JCudaDriver.cuGraphInstantiate(made(out, new CUgraphExec()), (CUgraph) graph, 0);
    }

    @Override
    protected int graphUpload(Object exec, Object stream) {
        return jcuda.driver.JCudaDriver.cuGraphUpload((CUgraphExec) exec, stream(stream));
    }

    @Override
    protected int graphLaunch(Object exec, Object stream) {
        return jcuda.driver.JCudaDriver.cuGraphLaunch((CUgraphExec) exec, stream(stream));
    }

    @Override
    protected int graphExecDestroy(Object exec) {
        return jcuda.driver.JCudaDriver.cuGraphExecDestroy((CUgraphExec) exec);
    }

    @Override
    protected int graphDestroy(Object graph) {
        return jcuda.driver.JCudaDriver.cuGraphDestroy((CUgraph) graph);
    }

    @Override
    protected int launchKernel(Object function, LaunchConfig c, Object stream, KernelParameters parameters) {
        Pointer block = (Pointer) parameters.prepared();
        if (block == null) {
            block = new HostAddress(parameters.block().address());
            parameters.prepare(block);
        }
        try {
            return jcuda.driver.JCudaDriver.cuLaunchKernel((CUfunction) function, c.gridX(), c.gridY(), c.gridZ(),
                    c.blockX(), c.blockY(), c.blockZ(), c.sharedBytes(), stream(stream), block, null);
        } finally {
            Reference.reachabilityFence(parameters);
        }
    }

    @Override
    protected int launchKernelEx(Object function, LaunchConfig config, Object stream, KernelParameters parameters) {
        throw new UnsupportedOperationException("JCuda has no cuLaunchKernelEx");
    }
}
