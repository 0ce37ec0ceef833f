package dev.gambit.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * What all implementations of {@link CudaDriver} share: every code is checked and turned into a typed exception, every
 * handle knows its context, and ranges are checked before the driver sees them.
 */
public abstract class CheckedCudaDriver extends DriverCalls implements CudaDriver {

    private static final int STREAM_NON_BLOCKING = 1;
    /** Where copies that name no stream go. */
    private static final Object DEFAULT_STREAM = null;
    private static final int EVENT_DISABLE_TIMING = 2;
    private static final int HOST_PORTABLE_AND_MAPPED = 3;
    private static final int HOST_READ_ONLY = 8;

    private final ThreadLocal<CudaContext> current = new ThreadLocal<>();
    /** Set once, by {@link #start}. */
    private CallCheck check;
    private int version;
    private List<CudaDevice> devices = List.of();

    /** For implementations, which call {@link #start} before they give themselves away. */
    protected CheckedCudaDriver() {}

    /**
     * Starts the driver and lists its GPUs.
     *
     * @throws CudaUnavailableException if it does not start, is too old, or sees no GPU
     */
    protected final void start() {
        check = new CallCheck(this, this::current);
        DriverStart start = new DriverStart(this, check);
        version = start.version();
        devices = start.devices();
    }

    @Override
    public final int version() {
        return version;
    }

    @Override
    public final List<CudaDevice> devices() {
        return devices;
    }

    @Override
    public final int attribute(CudaDevice device, DeviceAttribute attribute) {
        int[] out = new int[1];
        check.call("cuDeviceGetAttribute", deviceGetAttribute(out, attribute.code(), device.handle()));
        return out[0];
    }

    @Override
    public final long memoryBandwidth(CudaDevice device) {
        long hertz = 1000L * attribute(device, DeviceAttribute.MEMORY_CLOCK_RATE);
        return 2 * hertz * attribute(device, DeviceAttribute.GLOBAL_MEMORY_BUS_WIDTH) / 8;
    }

    // ---- contexts

    @Override
    public final CudaContext retainPrimaryContext(CudaDevice device) {
        Object[] out = new Object[1];
        check.call("cuDevicePrimaryCtxRetain", devicePrimaryCtxRetain(out, device.handle()));
        CudaContext context = new CudaContext(this, device, out[0]);
        try {
            setCurrent(context);
        } catch (CudaException e) {
            closeAfter(e, context);
            throw e;
        }
        return context;
    }

    @Override
    public final void setCurrent(CudaContext context) {
        if (Thread.currentThread().isVirtual()) {
            throw new CudaException("CUDA context: expected a platform thread, found a virtual one, which changes the "
                    + "thread that CUDA knows; run what uses the GPU on a platform thread");
        }
        check.call("cuCtxSetCurrent", ctxSetCurrent(context.peer()));
        current.set(context);
    }

    @Override
    public final CudaContext current() {
        CudaContext context = current.get();
        return context == null || !context.isOpen() ? null : context;
    }

    @Override
    public final void synchronize() {
        check.call("cuCtxSynchronize", ctxSynchronize());
    }

    private CudaContext owner() {
        CudaContext context = current();
        if (context == null) {
            throw new CudaException("no CUDA context is current on thread " + Thread.currentThread().getName()
                    + "; call CudaContext.makeCurrent on it first");
        }
        return context;
    }

    private static <T extends CudaHandle> T owned(CudaContext owner, T handle) {
        owner.adopt(handle);
        return handle;
    }

    private static void closeAfter(CudaException e, CudaHandle handle) {
        try {
            handle.close();
        } catch (CudaException next) {
            e.addSuppressed(next);
        }
    }

    // ---- modules

    @Override
    public final CudaModule loadModule(String name, String ptx) {
        CudaContext owner = owner();
        Object[] out = new Object[1];
        StringBuilder log = new StringBuilder();
        check.module("cuModuleLoadDataEx", moduleLoadDataEx(out, ptx.getBytes(StandardCharsets.UTF_8), log),
                () -> "PTX " + name, log);
        return owned(owner, new CudaModule(this, owner, "module " + name, out[0]));
    }

    @Override
    public final CudaFunction function(CudaModule module, String name) {
        Object[] out = new Object[1];
        check.module("cuModuleGetFunction", moduleGetFunction(out, module.peer(), name), () -> "kernel " + name + " of "
                + module, "");
        return new CudaFunction(module, name, out[0]);
    }

    @Override
    public final DeviceMemory global(CudaModule module, String name) {
        long[] out = new long[2];
        check.module("cuModuleGetGlobal_v2", moduleGetGlobal(out, module.peer(), name), () -> "variable " + name
                + " of " + module, "");
        return new DeviceMemory(module, out[0], out[1]);
    }

    @Override
    public final int attribute(CudaFunction function, FunctionAttribute attribute) {
        int[] out = new int[1];
        check.call("cuFuncGetAttribute", funcGetAttribute(out, attribute.code(), function.peer()));
        return out[0];
    }

    @Override
    public final void setAttribute(CudaFunction function, FunctionAttribute attribute, int value) {
        check.call("cuFuncSetAttribute", funcSetAttribute(function.peer(), attribute.code(), value));
    }

    @Override
    public final int maxActiveBlocksPerMultiprocessor(CudaFunction function, int threads, long sharedBytes) {
        int[] out = new int[1];
        check.call("cuOccupancyMaxActiveBlocksPerMultiprocessor",
                occupancyMaxActiveBlocks(out, function.peer(), threads, sharedBytes));
        return out[0];
    }

    // ---- memory

    @Override
    public final DeviceMemory allocate(long bytes) {
        CudaContext owner = owner();
        long[] out = new long[1];
        check.allocation("cuMemAlloc_v2", memAlloc(out, bytes), bytes);
        return owned(owner, new DeviceMemory(this, owner, out[0], bytes));
    }

    @Override
    public final MemoryInfo memoryInfo() {
        long[] out = new long[2];
        check.call("cuMemGetInfo_v2", memGetInfo(out));
        return new MemoryInfo(out[0], out[1]);
    }

    @Override
    public final HostMemory allocateHost(long bytes) {
        CudaContext owner = owner();
        long[] out = new long[1];
        check.allocation("cuMemHostAlloc", memHostAlloc(out, bytes, HOST_PORTABLE_AND_MAPPED), bytes);
        // shared: any thread may fill it
        Arena arena = Arena.ofShared();
        MemorySegment segment = MemorySegment.ofAddress(out[0]).reinterpret(bytes, arena, null);
        return owned(owner, new HostMemory(this, owner, segment, arena, deviceAddress(segment)));
    }

    @Override
    public final HostMemory registerHost(MemorySegment segment, boolean readOnly) {
        CudaContext owner = owner();
        requireNative(segment);
        check.allocation("cuMemHostRegister_v2", memHostRegister(segment.address(), segment.byteSize(),
                readOnly ? HOST_PORTABLE_AND_MAPPED | HOST_READ_ONLY : HOST_PORTABLE_AND_MAPPED), segment.byteSize());
        return owned(owner, new HostMemory(this, owner, segment, null, deviceAddress(segment)));
    }

    /** 0 where the device has none: the memory can then be copied, and that is all. */
    private long deviceAddress(MemorySegment segment) {
        long[] out = new long[1];
        return memHostGetDevicePointer(out, segment.address()) == CudaErrors.SUCCESS ? out[0] : 0;
    }

    @Override
    public final void copyToDevice(DeviceMemory target, long offset, MemorySegment source) {
        Objects.checkFromIndexSize(offset, source.byteSize(), target.size());
        long address = target.address() + offset;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = source.isNative() ? source : arena.allocate(source.byteSize(), 1).copyFrom(source);
            check.call("cuMemcpyHtoD_v2", memcpyHtoD(address, from));
        }
        // The driver returns as soon as pageable memory is staged, and streams of ours do not wait for the default one.
        check.call("cuStreamSynchronize", streamSynchronize(DEFAULT_STREAM));
    }

    @Override
    public final void copyToDevice(DeviceMemory target, long offset, MemorySegment source, CudaStream stream) {
        Objects.checkFromIndexSize(offset, source.byteSize(), target.size());
        requireNative(source);
        check.call("cuMemcpyHtoDAsync_v2", memcpyHtoDAsync(target.address() + offset, source, stream.peer()));
    }

    @Override
    public final void copyToHost(MemorySegment target, DeviceMemory source, long offset) {
        Objects.checkFromIndexSize(offset, target.byteSize(), source.size());
        long address = source.address() + offset;
        if (target.isNative()) {
            check.call("cuMemcpyDtoH_v2", memcpyDtoH(target, address));
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(target.byteSize(), 1);
            check.call("cuMemcpyDtoH_v2", memcpyDtoH(copy, address));
            target.copyFrom(copy);
        }
    }

    @Override
    public final void copyToHost(MemorySegment target, DeviceMemory source, long offset, CudaStream stream) {
        Objects.checkFromIndexSize(offset, target.byteSize(), source.size());
        requireNative(target);
        check.call("cuMemcpyDtoHAsync_v2", memcpyDtoHAsync(target, source.address() + offset, stream.peer()));
    }

    @Override
    public final void copy(DeviceMemory target, long targetOffset, DeviceMemory source, long sourceOffset, long bytes,
            CudaStream stream) {
        Objects.checkFromIndexSize(targetOffset, bytes, target.size());
        Objects.checkFromIndexSize(sourceOffset, bytes, source.size());
        check.call("cuMemcpyDtoDAsync_v2", memcpyDtoDAsync(target.address() + targetOffset, source.address()
                + sourceOffset,
                bytes, stream.peer()));
    }

    @Override
    public final void fill(DeviceMemory target, byte value, CudaStream stream) {
        check.call("cuMemsetD8Async", memsetD8Async(target.address(), value, target.size(), stream.peer()));
    }

    @Override
    public final void fill(DeviceMemory target, int value, CudaStream stream) {
        if (target.size() % Integer.BYTES != 0) {
            throw new IllegalArgumentException("fill with words: expected a multiple of 4 bytes, found " + target
                    .size());
        }
        check.call("cuMemsetD32Async",
                memsetD32Async(target.address(), value, target.size() / Integer.BYTES, stream.peer()));
    }

    private static void requireNative(MemorySegment segment) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException(
                    "expected memory off the heap, found an array; the GPU reads it while the"
                            + " collector may move arrays");
        }
    }

    // ---- streams and events

    @Override
    public final CudaStream createStream() {
        CudaContext owner = owner();
        Object[] out = new Object[1];
        check.call("cuStreamCreate", streamCreate(out, STREAM_NON_BLOCKING));
        return owned(owner, new CudaStream(this, owner, "stream", out[0]));
    }

    @Override
    public final void synchronize(CudaStream stream) {
        check.call("cuStreamSynchronize", streamSynchronize(stream.peer()));
    }

    @Override
    public final boolean isDone(CudaStream stream) {
        return done("cuStreamQuery", streamQuery(stream.peer()));
    }

    private boolean done(String call, int code) {
        if (code == CudaErrors.NOT_READY) {
            return false;
        }
        check.call(call, code);
        return true;
    }

    @Override
    public final void waitFor(CudaStream stream, CudaEvent event) {
        check.call("cuStreamWaitEvent", streamWaitEvent(stream.peer(), event.peer()));
    }

    @Override
    public final CudaEvent createEvent(boolean timing) {
        CudaContext owner = owner();
        Object[] out = new Object[1];
        check.call("cuEventCreate", eventCreate(out, timing ? 0 : EVENT_DISABLE_TIMING));
        return owned(owner, new CudaEvent(this, owner, "event", out[0]));
    }

    @Override
    public final void record(CudaEvent event, CudaStream stream) {
        check.call("cuEventRecord", eventRecord(event.peer(), stream.peer()));
    }

    @Override
    public final void synchronize(CudaEvent event) {
        check.call("cuEventSynchronize", eventSynchronize(event.peer()));
    }

    @Override
    public final boolean isDone(CudaEvent event) {
        return done("cuEventQuery", eventQuery(event.peer()));
    }

    @Override
    public final float elapsedMillis(CudaEvent start, CudaEvent end) {
        float[] out = new float[1];
        check.call("cuEventElapsedTime", eventElapsedTime(out, start.peer(), end.peer()));
        return out[0];
    }

    // ---- launches and graphs

    @Override
    public final void launch(CudaFunction function, LaunchConfig config, CudaStream stream,
            KernelParameters parameters) {
        parameters.checkOpen();
        if (!config.needsAttributes()) {
            check.launch("cuLaunchKernel", launchKernel(function.peer(), config, stream.peer(), parameters), function);
            return;
        }
        if (!supportsLaunchAttributes()) {
            throw new CudaException(function + ": expected a driver with cuLaunchKernelEx for a dependent launch or a "
                    + "cluster, found " + name() + " " + version + "; launch it without, or use --cuda-driver ffm");
        }
        check.launch("cuLaunchKernelEx", launchKernelEx(function.peer(), config, stream.peer(), parameters), function);
    }

    @Override
    public final void beginCapture(CudaStream stream, CaptureMode mode) {
        check.call("cuStreamBeginCapture_v2", streamBeginCapture(stream.peer(), mode.code()));
    }

    @Override
    public final CudaGraph endCapture(CudaStream stream) {
        CudaContext owner = owner();
        Object[] out = new Object[1];
        check.call("cuStreamEndCapture", streamEndCapture(out, stream.peer()));
        return owned(owner, new CudaGraph(this, owner, "graph", out[0]));
    }

    @Override
    public final int nodeCount(CudaGraph graph) {
        long[] out = new long[1];
        check.call("cuGraphGetNodes", graphGetNodes(out, graph.peer()));
        return Math.toIntExact(out[0]);
    }

    @Override
    public final CudaGraphExec instantiate(CudaGraph graph) {
        CudaContext owner = owner();
        Object[] out = new Object[1];
        check.call("cuGraphInstantiateWithFlags", graphInstantiate(out, graph.peer()));
        return owned(owner, new CudaGraphExec(this, owner, "executable graph", out[0]));
    }

    @Override
    public final void upload(CudaGraphExec graph, CudaStream stream) {
        check.call("cuGraphUpload", graphUpload(graph.peer(), stream.peer()));
    }

    @Override
    public final void launch(CudaGraphExec graph, CudaStream stream) {
        check.call("cuGraphLaunch", graphLaunch(graph.peer(), stream.peer()));
    }

    // ---- releasing

    /** Releases what a handle stands for, with its context current meanwhile. */
    final void release(CudaHandle handle, Object peer) {
        if (handle instanceof CudaContext context) {
            if (current.get() == context) {
                current.remove();
                ctxSetCurrent(null);
            }
            checkReleased(context, "cuDevicePrimaryCtxRelease_v2",
                    devicePrimaryCtxRelease(context.device().handle()));
            return;
        }
        CudaContext owner = handle.context;
        owner.forget(handle);
        CudaContext before = current();
        if (before != owner) {
            int code = ctxSetCurrent(owner.peer());
            if (code != CudaErrors.SUCCESS) {
                checkReleased(owner, "cuCtxSetCurrent", code);
                return;
            }
        }
        try {
            releaseInContext(handle, peer, owner);
        } finally {
            if (before != owner) {
                ctxSetCurrent(before == null ? null : before.peer());
            }
        }
    }

    private void releaseInContext(CudaHandle handle, Object peer, CudaContext owner) {
        switch (handle) {
            case DeviceMemory m -> checkReleased(owner, "cuMemFree_v2", memFree(m.rawAddress()));
            case HostMemory m when m.isAllocated() -> checkReleased(owner, "cuMemFreeHost", memFreeHost(m
                    .rawAddress()));
            case HostMemory m -> checkReleased(owner, "cuMemHostUnregister", memHostUnregister(m.rawAddress()));
            case CudaModule m -> checkReleased(owner, "cuModuleUnload", moduleUnload(peer));
            case CudaStream s -> checkReleased(owner, "cuStreamDestroy_v2", streamDestroy(peer));
            case CudaEvent e -> checkReleased(owner, "cuEventDestroy_v2", eventDestroy(peer));
            case CudaGraph g -> checkReleased(owner, "cuGraphDestroy", graphDestroy(peer));
            case CudaGraphExec g -> checkReleased(owner, "cuGraphExecDestroy", graphExecDestroy(peer));
            case CudaContext c -> throw new AssertionError(c);
        }
    }

    /** At the process's end, and in a poisoned context, there is nothing left to release. */
    private void checkReleased(CudaContext owner, String call, int code) {
        if (code != CudaErrors.DEINITIALIZED && !owner.isPoisoned()) {
            check.call(call, code);
        }
    }
}
