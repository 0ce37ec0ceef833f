package dev.gambit.bindings.testing;

import dev.gambit.bindings.CheckedCudaDriver;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A GPU that is none: every call is written down, memory is the host's, streams work at once, a captured graph keeps what
 * was put into it and does it when launched. Kernels do what {@link #kernels} was told, nothing else. An address outside of
 * what is allocated is the error that it is on a GPU, and any call can be told to fail.
 */
public final class RecordingCudaDriver extends CheckedCudaDriver {

    private static final int INVALID_VALUE = 1;
    private static final int OUT_OF_MEMORY = 2;
    private static final int INVALID_CONTEXT = 201;
    private static final int INVALID_PTX = 218;
    private static final int UNSUPPORTED_PTX = 222;
    private static final int INVALID_HANDLE = 400;
    private static final int NOT_FOUND = 500;
    private static final int ILLEGAL_ADDRESS = 700;
    private static final Map<Integer, String> NAMES = Map.of(INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", OUT_OF_MEMORY,
            "CUDA_ERROR_OUT_OF_MEMORY", 100, "CUDA_ERROR_NO_DEVICE", INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT",
            INVALID_PTX, "CUDA_ERROR_INVALID_PTX", UNSUPPORTED_PTX, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
            INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", NOT_FOUND, "CUDA_ERROR_NOT_FOUND", 600,
            "CUDA_ERROR_NOT_READY", ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS");

    /** What a kernel does, by its name. */
    @FunctionalInterface
    public interface Kernels {
        /**
         * Runs a kernel.
         *
         * @param name the kernel
         * @param config how it is launched
         * @param arguments its arguments
         */
        void run(String name, LaunchConfig config, Arguments arguments);
    }

    /** A kernel's arguments as they were at its launch. */
    public final class Arguments {
        private final MemorySegment[] values;

        private Arguments(KernelParameters parameters) {
            values = new MemorySegment[parameters.count()];
            for (int i = 0; i < values.length; i++) {
                MemorySegment value = parameters.value(i);
                values[i] = MemorySegment.ofArray(value.toArray(ValueLayout.JAVA_BYTE));
            }
        }

        /** {@return an {@code int}} @param index the position */
        public int int32(int index) {
            return values[index].get(ValueLayout.JAVA_INT_UNALIGNED, 0);
        }

        /** {@return a {@code long long} or an address} @param index the position */
        public long int64(int index) {
            return values[index].get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        }

        /** {@return a {@code float}} @param index the position */
        public float float32(int index) {
            return values[index].get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
        }

        /** {@return a {@code double}} @param index the position */
        public double float64(int index) {
            return values[index].get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 0);
        }

        /** {@return a struct's bytes} @param index the position */
        public MemorySegment bytes(int index) {
            return values[index];
        }

        /** {@return what an address points to, to the end of its allocation; null if to nothing} @param index the position */
        public MemorySegment memory(int index) {
            return at(int64(index), 0);
        }
    }

    /** A context, stream, event, module or graph. */
    private static final class Thing {
        private final String kind;
        private boolean open = true;
        /** Of a stream that is captured, and of a graph. */
        private List<Runnable> work;
        private float time = Float.NaN;

        Thing(String kind) {
            this.kind = kind;
        }
    }

    private final int computeCapability;
    private final long totalMemory;
    private final List<String> calls = new ArrayList<>();
    private final TreeMap<Long, MemorySegment> memory = new TreeMap<>();
    private final TreeMap<Long, MemorySegment> hostMemory = new TreeMap<>();
    private final Map<Long, Long> registered = new HashMap<>();
    private final ThreadLocal<Thing> currentContext = new ThreadLocal<>();
    private Kernels kernels = (name, config, arguments) -> {};
    private int things;
    private int retained;
    private long used;
    private float now;
    /** The call that is to fail; null for none. */
    private String failing;
    private int failingAt;
    private int failingCode;

    private RecordingCudaDriver(int computeCapability, long totalMemory) {
        this.computeCapability = computeCapability;
        this.totalMemory = totalMemory;
    }

    /**
     * Makes one with one device.
     *
     * @param computeCapability such as 87
     * @param totalMemory bytes that can be allocated
     * @return the driver, started
     */
    public static RecordingCudaDriver open(int computeCapability, long totalMemory) {
        RecordingCudaDriver driver = new RecordingCudaDriver(computeCapability, totalMemory);
        driver.start();
        return driver;
    }

    /** {@return the calls so far, such as {@code cuMemAlloc_v2(4096)}; a copy} */
    public synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    /** Forgets the calls so far. */
    public synchronized void clear() {
        calls.clear();
    }

    /**
     * Says what kernels do.
     *
     * @param value for every kernel
     */
    public void kernels(Kernels value) {
        kernels = value;
    }

    /**
     * Lets a call fail, once.
     *
     * @param call its name, such as {@code cuMemAlloc_v2}; empty for any call
     * @param at which call of that name from now on, from 1
     * @param code what it returns
     */
    public synchronized void fail(String call, int at, int code) {
        failing = call;
        failingAt = at;
        failingCode = code;
    }

    /** {@return how much was made and not released: handles, memory, registrations, contexts} */
    public synchronized int live() {
        return things + retained + memory.size() + hostMemory.size() + registered.size();
    }

    private synchronized int enter(String call, Object... arguments) {
        StringBuilder text = new StringBuilder(call).append('(');
        for (int i = 0; i < arguments.length; i++) {
            text.append(i == 0 ? "" : ", ").append(arguments[i]);
        }
        calls.add(text.append(')').toString());
        if (failing != null && (failing.isEmpty() || call.equals(failing)) && --failingAt == 0) {
            failing = null;
            return failingCode;
        }
        return 0;
    }

    /** Enters a call that needs a context. */
    private int inContext(String call, Object... arguments) {
        int code = enter(call, arguments);
        return code != 0 ? code : currentContext.get() == null ? INVALID_CONTEXT : 0;
    }

    private synchronized int make(int code, Object[] out, String kind) {
        if (code == 0) {
            out[0] = new Thing(kind);
            things++;
        }
        return code;
    }

    private synchronized int destroy(int code, Object thing, String kind) {
        if (code != 0 || !is(thing, kind)) {
            return code != 0 ? code : INVALID_HANDLE;
        }
        ((Thing) thing).open = false;
        things--;
        return 0;
    }

    private static boolean is(Object thing, String kind) {
        return thing instanceof Thing t && t.open && t.kind.equals(kind);
    }

    private static int on(int code, Object thing, String kind) {
        return code != 0 ? code : is(thing, kind) ? 0 : INVALID_HANDLE;
    }

    /** The memory from an address on; null if there are not that many bytes. */
    private synchronized MemorySegment at(long address, long bytes) {
        for (TreeMap<Long, MemorySegment> map : List.of(memory, hostMemory)) {
            Map.Entry<Long, MemorySegment> entry = map.floorEntry(address);
            if (entry != null && address + bytes <= entry.getKey() + entry.getValue().byteSize()
                    && address < entry.getKey() + entry.getValue().byteSize()) {
                return entry.getValue().asSlice(address - entry.getKey());
            }
        }
        for (Map.Entry<Long, Long> entry : registered.entrySet()) {
            if (address >= entry.getKey() && address + bytes <= entry.getKey() + entry.getValue()) {
                return MemorySegment.ofAddress(address).reinterpret(entry.getKey() + entry.getValue() - address);
            }
        }
        return null;
    }

    private int put(int code, Object stream, Runnable work) {
        if (on(code, stream, "stream") != 0) {
            return on(code, stream, "stream");
        }
        now += 0.5f;
        if (((Thing) stream).work != null) {
            ((Thing) stream).work.add(work);
        } else {
            work.run();
        }
        return 0;
    }

    private int copy(int code, MemorySegment target, MemorySegment source, long bytes, Object stream) {
        if (code == 0 && (target == null || source == null)) {
            return ILLEGAL_ADDRESS;
        }
        return put(code, stream, () -> MemorySegment.copy(source, 0, target, 0, bytes));
    }

    @Override
    public String name() {
        return "recording";
    }

    @Override
    public boolean supportsLaunchAttributes() {
        return true;
    }

    @Override
    protected String getErrorName(int code) {
        return NAMES.get(code);
    }

    @Override
    protected String getErrorString(int code) {
        return NAMES.containsKey(code) ? NAMES.get(code).substring(11).toLowerCase().replace('_', ' ') : null;
    }

    @Override
    protected int init() {
        return enter("cuInit", 0);
    }

    @Override
    protected int driverGetVersion(int[] out) {
        out[0] = 12020;
        return enter("cuDriverGetVersion");
    }

    @Override
    protected int deviceGetCount(int[] out) {
        out[0] = 1;
        return enter("cuDeviceGetCount");
    }

    @Override
    protected int deviceGet(int[] out, int ordinal) {
        out[0] = 3 + ordinal;
        return enter("cuDeviceGet", ordinal);
    }

    @Override
    protected int deviceGetName(String[] out, int device) {
        out[0] = "Recording GPU";
        return enter("cuDeviceGetName", device);
    }

    @Override
    protected int deviceGetUuid(byte[] out, int device) {
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) i;
        }
        return enter("cuDeviceGetUuid_v2", device);
    }

    @Override
    protected int deviceTotalMem(long[] out, int device) {
        out[0] = totalMemory;
        return enter("cuDeviceTotalMem_v2", device);
    }

    @Override
    protected int deviceGetAttribute(int[] out, int attribute, int device) {
        out[0] = switch (attribute) {
            case 10 -> 32;
            case 16 -> 16;
            case 36 -> 3_200_000;
            case 37 -> 256;
            case 75 -> computeCapability / 10;
            case 76 -> computeCapability % 10;
            case 97 -> 163 * 1024;
            default -> 1;
        };
        return enter("cuDeviceGetAttribute", attribute, device);
    }

    @Override
    protected int devicePrimaryCtxRetain(Object[] out, int device) {
        int code = enter("cuDevicePrimaryCtxRetain", device);
        if (code == 0) {
            out[0] = new Thing("context");
            retained++;
        }
        return code;
    }

    @Override
    protected int devicePrimaryCtxRelease(int device) {
        int code = enter("cuDevicePrimaryCtxRelease_v2", device);
        retained -= code == 0 ? 1 : 0;
        return code;
    }

    @Override
    protected int ctxSetCurrent(Object context) {
        int code = enter("cuCtxSetCurrent", context == null ? "null" : "context");
        if (code == 0) {
            currentContext.set((Thing) context);
        }
        return code;
    }

    @Override
    protected int ctxSynchronize() {
        return inContext("cuCtxSynchronize");
    }

    @Override
    protected int moduleLoadDataEx(Object[] out, byte[] ptx, StringBuilder log) {
        int code = inContext("cuModuleLoadDataEx", ptx.length);
        String text = new String(ptx, StandardCharsets.UTF_8);
        if (code == 0 && !text.contains(".version")) {
            log.append("ptxas application ptx input, line 1; fatal : Missing .version directive");
            return INVALID_PTX;
        }
        return make(code == 0 && text.contains(".version 99") ? UNSUPPORTED_PTX : code, out, "module");
    }

    @Override
    protected int moduleUnload(Object module) {
        return destroy(inContext("cuModuleUnload"), module, "module");
    }

    @Override
    protected int moduleGetFunction(Object[] out, Object module, String name) {
        out[0] = name;
        int code = on(inContext("cuModuleGetFunction", name), module, "module");
        return code == 0 && name.startsWith("missing") ? NOT_FOUND : code;
    }

    @Override
    protected int moduleGetGlobal(long[] out, Object module, String name) {
        int code = on(inContext("cuModuleGetGlobal_v2", name), module, "module");
        if (code == 0 && name.startsWith("missing")) {
            return NOT_FOUND;
        }
        out[0] = 4096;
        out[1] = 16;
        return code;
    }

    @Override
    protected int funcGetAttribute(int[] out, int attribute, Object function) {
        out[0] = attribute == 8 ? 48 * 1024 : 100 + attribute;
        return enter("cuFuncGetAttribute", attribute, function);
    }

    @Override
    protected int funcSetAttribute(Object function, int attribute, int value) {
        int code = enter("cuFuncSetAttribute", function, attribute, value);
        return code == 0 && attribute < 8 ? INVALID_VALUE : code;
    }

    @Override
    protected int occupancyMaxActiveBlocks(int[] out, Object function, int threads, long sharedBytes) {
        out[0] = 1536 / threads;
        return enter("cuOccupancyMaxActiveBlocksPerMultiprocessor", function, threads, sharedBytes);
    }

    @Override
    protected int memAlloc(long[] out, long bytes) {
        int code = inContext("cuMemAlloc_v2", bytes);
        return code != 0 ? code : bytes <= 0 ? INVALID_VALUE : used + bytes > totalMemory ? OUT_OF_MEMORY
                : allocated(out, bytes, memory);
    }

    private synchronized int allocated(long[] out, long bytes, TreeMap<Long, MemorySegment> where) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes, 256).fill((byte) 0xa5);
        where.put(segment.address(), segment);
        used += where == memory ? bytes : 0;
        out[0] = segment.address();
        return 0;
    }

    @Override
    protected synchronized int memFree(long address) {
        int code = inContext("cuMemFree_v2");
        MemorySegment segment = code == 0 ? memory.remove(address) : null;
        used -= segment == null ? 0 : segment.byteSize();
        return code != 0 ? code : segment == null ? INVALID_VALUE : 0;
    }

    @Override
    protected int memGetInfo(long[] out) {
        out[0] = totalMemory - used;
        out[1] = totalMemory;
        return inContext("cuMemGetInfo_v2");
    }

    @Override
    protected int memHostAlloc(long[] out, long bytes, int flags) {
        int code = inContext("cuMemHostAlloc", bytes, flags);
        return code != 0 ? code : allocated(out, bytes, hostMemory);
    }

    @Override
    protected synchronized int memFreeHost(long address) {
        int code = inContext("cuMemFreeHost");
        return code != 0 ? code : hostMemory.remove(address) == null ? INVALID_VALUE : 0;
    }

    @Override
    protected synchronized int memHostRegister(long address, long bytes, int flags) {
        int code = inContext("cuMemHostRegister_v2", bytes, flags);
        if (code == 0) {
            registered.put(address, bytes);
        }
        return code;
    }

    @Override
    protected synchronized int memHostUnregister(long address) {
        int code = inContext("cuMemHostUnregister");
        return code != 0 ? code : registered.remove(address) == null ? INVALID_VALUE : 0;
    }

    @Override
    protected int memHostGetDevicePointer(long[] out, long address) {
        out[0] = address;
        return inContext("cuMemHostGetDevicePointer_v2", 0);
    }

    @Override
    protected int memcpyHtoD(long target, MemorySegment source) {
        int code = inContext("cuMemcpyHtoD_v2", source.byteSize());
        MemorySegment to = at(target, source.byteSize());
        if (code == 0 && to != null) {
            MemorySegment.copy(source, 0, to, 0, source.byteSize());
        }
        return code == 0 && to == null ? ILLEGAL_ADDRESS : code;
    }

    @Override
    protected int memcpyDtoH(MemorySegment target, long source) {
        int code = inContext("cuMemcpyDtoH_v2", target.byteSize());
        MemorySegment from = at(source, target.byteSize());
        if (code == 0 && from != null) {
            MemorySegment.copy(from, 0, target, 0, target.byteSize());
        }
        return code == 0 && from == null ? ILLEGAL_ADDRESS : code;
    }

    @Override
    protected int memcpyHtoDAsync(long target, MemorySegment source, Object stream) {
        return copy(inContext("cuMemcpyHtoDAsync_v2", source.byteSize()), at(target, source.byteSize()), source,
                source.byteSize(), stream);
    }

    @Override
    protected int memcpyDtoHAsync(MemorySegment target, long source, Object stream) {
        return copy(inContext("cuMemcpyDtoHAsync_v2", target.byteSize()), target, at(source, target.byteSize()),
                target.byteSize(), stream);
    }

    @Override
    protected int memcpyDtoDAsync(long target, long source, long bytes, Object stream) {
        return copy(inContext("cuMemcpyDtoDAsync_v2", bytes), at(target, bytes), at(source, bytes), bytes, stream);
    }

    @Override
    protected int memsetD8Async(long target, byte value, long count, Object stream) {
        int code = inContext("cuMemsetD8Async", value & 0xff, count);
        MemorySegment to = at(target, count);
        return code == 0 && to == null ? ILLEGAL_ADDRESS : put(code, stream, () -> to.asSlice(0, count).fill(value));
    }

    @Override
    protected int memsetD32Async(long target, int value, long count, Object stream) {
        int code = inContext("cuMemsetD32Async", Integer.toUnsignedString(value), count);
        MemorySegment to = at(target, 4 * count);
        return code == 0 && to == null ? ILLEGAL_ADDRESS : put(code, stream, () -> {
            for (long i = 0; i < count; i++) {
                to.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i, value);
            }
        });
    }

    @Override
    protected int streamCreate(Object[] out, int flags) {
        return make(inContext("cuStreamCreate", flags), out, "stream");
    }

    @Override
    protected int streamDestroy(Object stream) {
        return destroy(inContext("cuStreamDestroy_v2"), stream, "stream");
    }

    @Override
    protected int streamSynchronize(Object stream) {
        int code = inContext("cuStreamSynchronize");
        return stream == null ? code : on(code, stream, "stream");
    }

    @Override
    protected int streamQuery(Object stream) {
        return on(inContext("cuStreamQuery"), stream, "stream");
    }

    @Override
    protected int streamWaitEvent(Object stream, Object event) {
        return on(on(inContext("cuStreamWaitEvent", 0), stream, "stream"), event, "event");
    }

    @Override
    protected int eventCreate(Object[] out, int flags) {
        return make(inContext("cuEventCreate", flags), out, "event");
    }

    @Override
    protected int eventDestroy(Object event) {
        return destroy(inContext("cuEventDestroy_v2"), event, "event");
    }

    @Override
    protected int eventRecord(Object event, Object stream) {
        int code = on(on(inContext("cuEventRecord"), stream, "stream"), event, "event");
        if (code == 0) {
            ((Thing) event).time = now;
        }
        return code;
    }

    @Override
    protected int eventSynchronize(Object event) {
        return on(inContext("cuEventSynchronize"), event, "event");
    }

    @Override
    protected int eventQuery(Object event) {
        return on(inContext("cuEventQuery"), event, "event");
    }

    @Override
    protected int eventElapsedTime(float[] out, Object start, Object end) {
        int code = on(on(enter("cuEventElapsedTime"), start, "event"), end, "event");
        if (code == 0) {
            out[0] = ((Thing) end).time - ((Thing) start).time;
        }
        return code == 0 && Float.isNaN(out[0]) ? INVALID_HANDLE : code;
    }

    @Override
    protected int streamBeginCapture(Object stream, int mode) {
        int code = on(inContext("cuStreamBeginCapture_v2", mode), stream, "stream");
        if (code == 0) {
            ((Thing) stream).work = new ArrayList<>();
        }
        return code;
    }

    @Override
    protected int streamEndCapture(Object[] out, Object stream) {
        int code = make(on(inContext("cuStreamEndCapture"), stream, "stream"), out, "graph");
        if (code == 0) {
            ((Thing) out[0]).work = ((Thing) stream).work;
            ((Thing) stream).work = null;
        }
        return code;
    }

    @Override
    protected int graphGetNodes(long[] out, Object graph) {
        int code = on(enter("cuGraphGetNodes", "null"), graph, "graph");
        out[0] = code == 0 ? ((Thing) graph).work.size() : 0;
        return code;
    }

    @Override
    protected int graphInstantiate(Object[] out, Object graph) {
        int code = make(on(inContext("cuGraphInstantiateWithFlags", 0), graph, "graph"), out, "exec");
        if (code == 0) {
            ((Thing) out[0]).work = ((Thing) graph).work;
        }
        return code;
    }

    @Override
    protected int graphUpload(Object exec, Object stream) {
        return on(on(inContext("cuGraphUpload"), stream, "stream"), exec, "exec");
    }

    @Override
    protected int graphLaunch(Object exec, Object stream) {
        int code = on(on(inContext("cuGraphLaunch"), stream, "stream"), exec, "exec");
        if (code == 0) {
            ((Thing) exec).work.forEach(Runnable::run);
        }
        return code;
    }

    @Override
    protected int graphExecDestroy(Object exec) {
        return destroy(enter("cuGraphExecDestroy"), exec, "exec");
    }

    @Override
    protected int graphDestroy(Object graph) {
        return destroy(enter("cuGraphDestroy"), graph, "graph");
    }

    @Override
    protected int launchKernel(Object function, LaunchConfig c, Object stream, KernelParameters parameters) {
        return launched(inContext("cuLaunchKernel", c.gridX(), c.gridY(), c.gridZ(), c.blockX(), c.blockY(), c.blockZ(),
                c.sharedBytes(), "null"), function, c, stream, parameters);
    }

    @Override
    protected int launchKernelEx(Object function, LaunchConfig c, Object stream, KernelParameters parameters) {
        String attributes = c.sharedBytes() + (c.dependent() ? ", dependent 1" : "")
                + (c.clusterX() > 1 ? ", cluster " + c.clusterX() + "x1x1" : "");
        return launched(inContext("cuLaunchKernelEx", c.gridX(), c.gridY(), c.gridZ(), c.blockX(), c.blockY(),
                c.blockZ(), attributes, "null"), function, c, stream, parameters);
    }

    private int launched(int code, Object function, LaunchConfig c, Object stream, KernelParameters parameters) {
        Arguments arguments = new Arguments(parameters);
        if (code == 0 && c.blockX() * c.blockY() * c.blockZ() > 1024) {
            return INVALID_VALUE;
        }
        return put(code, stream, () -> kernels.run((String) function, c, arguments));
    }
}
