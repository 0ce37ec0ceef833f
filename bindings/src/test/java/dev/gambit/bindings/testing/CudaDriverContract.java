package dev.gambit.bindings.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.CaptureMode;
import dev.gambit.bindings.CudaClosedException;
import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaDevice;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaEvent;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaGraph;
import dev.gambit.bindings.CudaGraphExec;
import dev.gambit.bindings.CudaModule;
import dev.gambit.bindings.CudaModuleException;
import dev.gambit.bindings.CudaOutOfMemoryException;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceAttribute;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.FunctionAttribute;
import dev.gambit.bindings.HostMemory;
import dev.gambit.bindings.KernelParameters;
import dev.gambit.bindings.LaunchConfig;
import dev.gambit.bindings.MemoryInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every implementation of {@link CudaDriver} does, on a library that writes down what arrives. */
public abstract class CudaDriverContract {

    /** A text that the stub takes for a module with the kernels axpy and store and the variable table. */
    protected static final String PTX = ".version 7.8\n.target sm_80\n.address_size 64\n";

    private DriverSubject subject;
    private CudaDriver driver;
    private CudaContext context;
    private int liveBefore;

    /** {@return a new subject, with nothing written down} */
    protected abstract DriverSubject open();

    @BeforeEach
    void openContext() {
        subject = open();
        driver = subject.driver();
        liveBefore = subject.live();
        context = driver.retainPrimaryContext(driver.devices().getFirst());
    }

    @AfterEach
    void everythingIsReleased() {
        context.close();
        assertEquals(liveBefore, subject.live(), "made and not released");
    }

    private void assertCalled(String call) {
        assertTrue(subject.calls().contains(call), () -> call + " is not among " + subject.calls());
    }

    private float[] floats(DeviceMemory memory) {
        float[] values = new float[(int) (memory.size() / 4)];
        driver.copyToHost(MemorySegment.ofArray(values), memory, 0);
        return values;
    }

    private DeviceMemory device(float... values) {
        DeviceMemory memory = driver.allocate(4L * values.length);
        driver.copyToDevice(memory, 0, MemorySegment.ofArray(values));
        return memory;
    }

    private KernelParameters axpy(DeviceMemory y, DeviceMemory x, float a, int n) {
        return KernelParameters.builder().add(y).add(x).add(a).add(n).build();
    }

    private CudaFunction kernel(String name) {
        return driver.function(driver.loadModule("kernels", PTX), name);
    }

    // ---- start and devices

    @Test
    void listsTheDevices() {
        CudaDevice device = driver.devices().getFirst();
        assertEquals(12020, driver.version());
        assertEquals(0, device.ordinal());
        assertEquals(3, device.handle());
        assertTrue(device.name().endsWith("GPU") || device.name().endsWith("GPU 0"), device.name());
        assertEquals("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f", device.uuid());
        assertEquals(64L << 30, device.totalMemory());
        assertEquals(87, device.computeCapability());
        assertEquals(16, driver.attribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT));
        assertEquals(204_800_000_000L, driver.memoryBandwidth(device));
    }

    @Test
    void aFailingAttributeNamesCallErrorAndText() {
        subject.fail("cuDeviceGetAttribute", 1, 1);
        CudaException e = assertThrows(CudaException.class,
                () -> driver.attribute(context.device(), DeviceAttribute.WARP_SIZE));
        assertEquals("cuDeviceGetAttribute", e.call());
        assertEquals(1, e.code());
        assertEquals("CUDA_ERROR_INVALID_VALUE", e.errorName());
        assertTrue(e.getMessage().startsWith("cuDeviceGetAttribute failed: CUDA_ERROR_INVALID_VALUE (1), invalid "),
                e.getMessage());
    }

    @Test
    void anErrorUnknownToTheDriverHasItsNumber() {
        subject.fail("cuCtxSynchronize", 1, 987654);
        CudaException e = assertThrows(CudaException.class, driver::synchronize);
        assertEquals("cuCtxSynchronize failed: error 987654 (987654), unknown to the driver", e.getMessage());
    }

    // ---- contexts

    @Test
    void whatIsMadeNeedsACurrentContext() throws InterruptedException {
        Throwable[] thrown = new Throwable[1];
        Thread thread = new Thread(() -> thrown[0] = assertThrows(CudaException.class, () -> driver.allocate(16)),
                "bare");
        thread.start();
        thread.join();
        assertEquals("no CUDA context is current on thread bare; call CudaContext.makeCurrent on it first",
                thrown[0].getMessage());
    }

    @Test
    void anotherThreadWorksWithTheContextMadeCurrent() throws InterruptedException {
        DeviceMemory[] made = new DeviceMemory[1];
        Thread thread = new Thread(() -> {
            context.makeCurrent();
            made[0] = device(1, 2, 3);
        });
        thread.start();
        thread.join();
        assertArrayEquals(new float[] {1, 2, 3}, floats(made[0]));
    }

    @Test
    void aHandleCanBeClosedOnAnyThread() throws InterruptedException {
        DeviceMemory memory = driver.allocate(16);
        int live = subject.live();
        Thread thread = new Thread(memory::close);
        thread.start();
        thread.join();
        assertEquals(live - 1, subject.live());
        assertFalse(memory.isOpen());
    }

    @Test
    void virtualThreadsAreRefused() throws InterruptedException {
        Throwable[] thrown = new Throwable[1];
        Thread.ofVirtual().start(() -> thrown[0] = assertThrows(CudaException.class, context::makeCurrent)).join();
        assertTrue(thrown[0].getMessage().contains("expected a platform thread, found a virtual one"),
                thrown[0].getMessage());
    }

    @Test
    void twoContextsOfOneDeviceOwnTheirOwn() {
        CudaContext second = driver.retainPrimaryContext(context.device());
        assertSame(second, driver.current());
        DeviceMemory ofSecond = driver.allocate(16);
        context.makeCurrent();
        DeviceMemory ofFirst = driver.allocate(16);
        second.close();
        assertFalse(ofSecond.isOpen());
        assertTrue(ofFirst.isOpen());
        context.makeCurrent();
        driver.copyToDevice(ofFirst, 0, MemorySegment.ofArray(new int[4]));
    }

    @Test
    void closingAContextClosesWhatIsOpenNewestFirst() {
        CudaStream stream = driver.createStream();
        DeviceMemory memory = driver.allocate(16);
        CudaModule module = driver.loadModule("kernels", PTX);
        assertEquals(3, context.openHandles());
        int from = subject.calls().size();
        context.close();
        List<String> calls = subject.calls().subList(from, subject.calls().size());
        assertEquals(List.of("cuModuleUnload()", "cuMemFree_v2()", "cuStreamDestroy_v2()"),
                calls.stream().filter(c -> !c.startsWith("cuCtx") && !c.startsWith("cuDevice")).toList());
        assertFalse(stream.isOpen() || memory.isOpen() || module.isOpen() || context.isOpen());
        assertNull(driver.current());
        context.close();
        assertThrows(CudaClosedException.class, context::makeCurrent);
    }

    @Test
    void aContextThatCannotBeMadeCurrentIsReleased() {
        int live = subject.live();
        subject.fail("cuCtxSetCurrent", 1, 1);
        assertThrows(CudaException.class, () -> driver.retainPrimaryContext(context.device()));
        assertEquals(live, subject.live());
    }

    @Test
    void aFailingReleaseIsReportedAndTheRestReleased() {
        driver.createStream();
        driver.allocate(16);
        driver.createEvent(false);
        int live = subject.live();
        subject.fail("cuMemFree_v2", 1, 1);
        CudaContext second = context;
        CudaException e = assertThrows(CudaException.class, second::close);
        assertEquals("cuMemFree_v2", e.call());
        // all but the memory that the driver did not take back
        assertEquals(live - 3, subject.live());
        liveBefore = subject.live();
    }

    @Test
    void afterAStickyErrorReleasingIsSilent() {
        CudaStream stream = driver.createStream();
        subject.fail("cuStreamSynchronize", 1, 700);
        CudaException e = assertThrows(CudaException.class, () -> driver.synchronize(stream));
        assertTrue(e.poisonsContext());
        assertTrue(context.isPoisoned());
        assertTrue(e.getMessage().endsWith("the GPU's context is lost for this process; start it again"),
                e.getMessage());
        subject.fail("cuStreamDestroy_v2", 1, 700);
        context.close();
        // the stream that the lost context did not release
        liveBefore++;
    }

    // ---- modules

    @Test
    void loadsAModuleAndFindsItsParts() {
        CudaModule module = driver.loadModule("kernels", PTX);
        CudaFunction function = driver.function(module, "axpy");
        assertEquals("axpy", function.name());
        assertEquals(48 * 1024, driver.attribute(function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES));
        assertEquals(104, driver.attribute(function, FunctionAttribute.NUM_REGS));
        driver.setAttribute(function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, 100_000);
        assertEquals(6, driver.maxActiveBlocksPerMultiprocessor(function, 256, 1024));
        DeviceMemory table = driver.global(module, "table");
        assertEquals(16, table.size());
        module.close();
        assertFalse(table.isOpen());
        assertThrows(CudaClosedException.class, () -> driver.function(module, "axpy"));
        assertThrows(CudaClosedException.class,
                () -> driver.attribute(function, FunctionAttribute.NUM_REGS));
    }

    @Test
    void whatTheCompilerSaysIsInTheException() {
        CudaModuleException e = assertThrows(CudaModuleException.class,
                () -> driver.loadModule("broken", "this is not PTX"));
        assertEquals("CUDA_ERROR_INVALID_PTX", e.errorName());
        assertTrue(e.log().contains("Missing .version directive"), e.log());
        assertTrue(e.getMessage().startsWith("cuModuleLoadDataEx of PTX broken failed: CUDA_ERROR_INVALID_PTX (218)"),
                e.getMessage());
        assertTrue(e.getMessage().endsWith("the driver's compiler: ptxas application ptx input, line 1; fatal : "
                + "Missing .version directive"), e.getMessage());
    }

    @Test
    void aTextTooNewForTheDriverSaysWhatToDo() {
        CudaModuleException e = assertThrows(CudaModuleException.class,
                () -> driver.loadModule("new", ".version 99.0\n"));
        assertEquals(222, e.code());
        assertTrue(e.getMessage().endsWith("the driver is older than the PTX text; update the NVIDIA driver"),
                e.getMessage());
    }

    @Test
    void aMissingKernelOrVariableIsNamed() {
        CudaModule module = driver.loadModule("kernels", PTX);
        CudaModuleException kernel = assertThrows(CudaModuleException.class, () -> driver.function(module, "missing"));
        assertTrue(kernel.getMessage().startsWith("cuModuleGetFunction of kernel missing of module kernels failed"),
                kernel.getMessage());
        CudaModuleException variable = assertThrows(CudaModuleException.class, () -> driver.global(module, "missing"));
        assertTrue(variable.getMessage().startsWith("cuModuleGetGlobal_v2 of variable missing"), variable.getMessage());
    }

    // ---- memory

    @Test
    void countsMemory() {
        MemoryInfo before = driver.memoryInfo();
        try (DeviceMemory memory = driver.allocate(1 << 20)) {
            assertEquals(before.free() - memory.size(), driver.memoryInfo().free());
        }
        assertEquals(before, driver.memoryInfo());
    }

    @Test
    void outOfMemorySaysHowMuchAndLeavesTheRestUsable() {
        CudaOutOfMemoryException e = assertThrows(CudaOutOfMemoryException.class, () -> driver.allocate(1L << 50));
        assertEquals(1L << 50, e.bytes());
        assertTrue(e.getMessage().startsWith("cuMemAlloc_v2 of 1125899906842624 bytes failed: "
                + "CUDA_ERROR_OUT_OF_MEMORY (2), out of memory; close"), e.getMessage());
        assertFalse(e.poisonsContext());
        assertArrayEquals(new float[] {1}, floats(device(1)));
    }

    @Test
    void memoryIsUnusableAfterItIsClosed() {
        DeviceMemory memory = driver.allocate(64);
        DeviceMemory slice = memory.slice(16, 16);
        assertEquals(memory.address() + 16, slice.address());
        assertEquals(slice.address() + 4, slice.slice(4, 4).address());
        slice.close();
        assertTrue(memory.isOpen() && slice.isOpen(), "a slice does not close what it is of");
        memory.close();
        memory.close();
        CudaClosedException e = assertThrows(CudaClosedException.class, memory::address);
        assertTrue(e.getMessage().startsWith("device memory of 64 bytes was used after it was closed"), e.getMessage());
        assertThrows(CudaClosedException.class, slice::address);
        assertThrows(CudaClosedException.class,
                () -> driver.copyToDevice(memory, 0, MemorySegment.ofArray(new byte[1])));
    }

    @Test
    void rangesAreChecked() {
        DeviceMemory memory = driver.allocate(16);
        MemorySegment five = MemorySegment.ofArray(new int[5]);
        MemorySegment one = MemorySegment.ofArray(new int[1]);
        CudaStream stream = driver.createStream();
        assertThrows(IndexOutOfBoundsException.class, () -> driver.copyToDevice(memory, 0, five));
        assertThrows(IndexOutOfBoundsException.class, () -> driver.copyToDevice(memory, 13, one));
        assertThrows(IndexOutOfBoundsException.class, () -> driver.copyToHost(one, memory, -1));
        assertThrows(IndexOutOfBoundsException.class, () -> driver.copy(memory, 8, memory, 0, 9, stream));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.slice(8, 9));
        assertThrows(IllegalArgumentException.class, () -> driver.fill(memory.slice(0, 6), 1, stream));
        assertThrows(IllegalArgumentException.class, () -> driver.copyToDevice(memory, 0, one, stream));
        assertThrows(IllegalArgumentException.class, () -> driver.registerHost(one, false));
    }

    @Test
    void copiesInBothDirectionsAtOnceAndInAStream() {
        CudaStream stream = driver.createStream();
        DeviceMemory a = device(1, 2, 3, 4);
        DeviceMemory b = driver.allocate(16);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 5, 6);
            driver.copyToDevice(a, 8, host, stream);
            driver.copy(b, 0, a, 4, 12, stream);
            driver.fill(b.slice(12, 4), Float.floatToRawIntBits(9.5f), stream);
            driver.copyToDevice(b, 0, arena.allocateFrom(ValueLayout.JAVA_FLOAT, 7));
            MemorySegment back = arena.allocate(16);
            driver.copyToHost(back, b, 0, stream);
            driver.synchronize(stream);
            assertArrayEquals(new float[] {7, 5, 6, 9.5f}, back.toArray(ValueLayout.JAVA_FLOAT));
            driver.fill(b, (byte) 0xff, stream);
            driver.synchronize(stream);
            driver.copyToHost(back, b, 0);
            assertArrayEquals(new int[] {-1, -1, -1, -1}, back.toArray(ValueLayout.JAVA_INT));
        }
        assertCalled("cuMemcpyHtoDAsync_v2(8)");
        assertCalled("cuMemcpyDtoDAsync_v2(12)");
        assertCalled("cuMemcpyDtoHAsync_v2(16)");
        assertCalled("cuMemcpyHtoD_v2(4)");
        List<String> calls = subject.calls();
        assertEquals("cuStreamSynchronize()", calls.get(calls.indexOf("cuMemcpyHtoD_v2(4)") + 1), "it has not waited");
        assertCalled("cuMemcpyDtoH_v2(16)");
        assertCalled("cuMemsetD8Async(255, 16)");
        assertCalled("cuMemsetD32Async(1092091904, 1)");
    }

    @Test
    void pinnedMemoryIsSeenFromBothSides() {
        HostMemory pinned = driver.allocateHost(16);
        MemorySegment segment = pinned.segment();
        segment.setAtIndex(ValueLayout.JAVA_FLOAT, 3, 4.5f);
        assertEquals(4.5f, floats(pinned.deviceView())[3]);
        DeviceMemory view = pinned.deviceView();
        pinned.close();
        pinned.close();
        assertThrows(CudaClosedException.class, pinned::segment);
        assertThrows(CudaClosedException.class, view::address);
        assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_FLOAT, 0));
        assertCalled("cuMemHostAlloc(16, 3)");
        assertCalled("cuMemFreeHost()");
    }

    @Test
    void registeredMemoryStaysTheCallers() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mine = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2);
            try (HostMemory registered = driver.registerHost(mine, false)) {
                assertArrayEquals(new float[] {1, 2}, floats(registered.deviceView()));
                assertEquals(8, registered.size());
            }
            assertEquals(2, mine.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
            driver.registerHost(mine, true).close();
        }
        assertCalled("cuMemHostRegister_v2(8, 3)");
        assertCalled("cuMemHostRegister_v2(8, 11)");
        assertCalled("cuMemHostUnregister()");
    }

    @Test
    void hostMemoryThatTheDeviceCannotSeeCanStillBeCopied() {
        subject.fail("cuMemHostGetDevicePointer_v2", 1, 1);
        try (HostMemory pinned = driver.allocateHost(4)) {
            assertThrows(CudaException.class, pinned::deviceView);
            driver.copyToHost(pinned.segment(), device(3), 0);
            assertEquals(3, pinned.segment().get(ValueLayout.JAVA_FLOAT, 0));
        }
    }

    // ---- streams and events

    @Test
    void eventsTakeTheTime() {
        CudaStream stream = driver.createStream();
        CudaStream other = driver.createStream();
        CudaEvent start = driver.createEvent(true);
        CudaEvent end = driver.createEvent(true);
        DeviceMemory memory = driver.allocate(4);
        driver.record(start, stream);
        driver.fill(memory, 1, stream);
        driver.fill(memory, 2, stream);
        driver.fill(memory, 3, stream);
        driver.record(end, stream);
        driver.waitFor(other, end);
        driver.synchronize(end);
        assertTrue(driver.isDone(end) && driver.isDone(stream));
        assertEquals(1.5f, driver.elapsedMillis(start, end));
        driver.createEvent(false).close();
        assertCalled("cuStreamCreate(1)");
        assertCalled("cuEventCreate(0)");
        assertCalled("cuEventCreate(2)");
        assertCalled("cuStreamWaitEvent(0)");
        end.close();
        assertThrows(CudaClosedException.class, () -> driver.record(end, stream));
    }

    @Test
    void workThatIsNotDoneIsNoError() {
        CudaStream stream = driver.createStream();
        CudaEvent event = driver.createEvent(false);
        subject.fail("cuStreamQuery", 1, 600);
        assertFalse(driver.isDone(stream));
        subject.fail("cuEventQuery", 1, 600);
        assertFalse(driver.isDone(event));
        subject.fail("cuStreamQuery", 1, 700);
        assertThrows(CudaException.class, () -> driver.isDone(stream));
    }

    // ---- launches and graphs

    @Test
    void aLaunchTakesItsArguments() {
        CudaStream stream = driver.createStream();
        DeviceMemory x = device(1, 2, 3, 4, 5);
        DeviceMemory y = device(10, 10, 10, 10, 10);
        KernelParameters parameters = axpy(y, x, 2, 5);
        LaunchConfig config = LaunchConfig.of(1, 64).withGrid(1, 2, 3).withBlock(16, 4, 1);
        CudaFunction axpy = kernel("axpy");
        driver.launch(axpy, config, stream, parameters);
        assertCalled("cuLaunchKernel(1, 2, 3, 16, 4, 1, 0, null)");
        assertArrayEquals(new float[] {12, 14, 16, 18, 20}, floats(y));
        parameters.set(2, -1f);
        parameters.set(3, 3);
        parameters.set(0, x);
        driver.launch(axpy, LaunchConfig.of(7, 32, 1024), stream, parameters);
        assertCalled("cuLaunchKernel(7, 1, 1, 32, 1, 1, 1024, null)");
        assertArrayEquals(new float[] {0, 0, 0, 4, 5}, floats(x));
    }

    @Test
    void wideArgumentsArriveWhole() {
        CudaStream stream = driver.createStream();
        DeviceMemory out = driver.allocate(40);
        byte[] struct = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putInt(7).putInt(-8)
                .putLong(0x1122334455667788L).array();
        KernelParameters parameters = KernelParameters.builder().addAddress(out.address()).add(-5_000_000_000L)
                .add(2.125).add(struct).build();
        driver.launch(kernel("store"), LaunchConfig.of(1, 1), stream, parameters);
        long[] values = new long[5];
        driver.copyToHost(MemorySegment.ofArray(values), out, 0);
        assertArrayEquals(new long[] {-5_000_000_000L, 2125, 7, -8, 0x1122334455667788L}, values);
    }

    @Test
    void aLaunchWithClosedMemoryIsRefused() {
        CudaStream stream = driver.createStream();
        DeviceMemory x = device(1);
        DeviceMemory y = device(1);
        KernelParameters parameters = axpy(y, x, 1, 1);
        CudaFunction axpy = kernel("axpy");
        x.close();
        assertThrows(CudaClosedException.class, () -> driver.launch(axpy, LaunchConfig.of(1, 1), stream, parameters));
        parameters.set(1, y);
        driver.launch(axpy, LaunchConfig.of(1, 1), stream, parameters);
        stream.close();
        assertThrows(CudaClosedException.class, () -> driver.launch(axpy, LaunchConfig.of(1, 1), stream, parameters));
    }

    @Test
    void aFailingLaunchNamesTheKernel() {
        CudaStream stream = driver.createStream();
        CudaFunction axpy = kernel("axpy");
        KernelParameters parameters = axpy(null, null, 1, 0);
        CudaException e = assertThrows(CudaException.class,
                () -> driver.launch(axpy, LaunchConfig.of(1, 2048), stream, parameters));
        assertTrue(e.getMessage().startsWith("cuLaunchKernel of kernel axpy failed: CUDA_ERROR_INVALID_VALUE"),
                e.getMessage());
    }

    @Test
    void dependentLaunchesAndClustersWhereTheDriverHasThem() {
        CudaStream stream = driver.createStream();
        DeviceMemory x = device(1);
        DeviceMemory y = device(1);
        CudaFunction axpy = kernel("axpy");
        KernelParameters parameters = axpy(y, x, 4, 1);
        LaunchConfig config = LaunchConfig.of(8, 32, 64).withDependent(true).withCluster(4);
        if (driver.supportsLaunchAttributes()) {
            driver.launch(axpy, config, stream, parameters);
            driver.launch(axpy, config.withCluster(1), stream, parameters);
            assertCalled("cuLaunchKernelEx(8, 1, 1, 32, 1, 1, 64, dependent 1, cluster 4x1x1, null)");
            assertCalled("cuLaunchKernelEx(8, 1, 1, 32, 1, 1, 64, dependent 1, null)");
            assertArrayEquals(new float[] {9}, floats(y));
        } else {
            CudaException e = assertThrows(CudaException.class,
                    () -> driver.launch(axpy, config, stream, parameters));
            assertTrue(e.getMessage().contains("--cuda-driver ffm"), e.getMessage());
        }
    }

    @Test
    void aGraphReplaysWhatWasCaptured() {
        CudaStream stream = driver.createStream();
        DeviceMemory x = device(1, 2);
        DeviceMemory y = device(0, 0);
        CudaFunction axpy = kernel("axpy");
        KernelParameters parameters = axpy(y, x, 3, 2);
        driver.beginCapture(stream, CaptureMode.THREAD_LOCAL);
        driver.launch(axpy, LaunchConfig.of(1, 2), stream, parameters);
        parameters.set(2, 10f);
        driver.launch(axpy, LaunchConfig.of(1, 2), stream, parameters);
        CudaGraphExec exec;
        try (CudaGraph graph = driver.endCapture(stream)) {
            assertEquals(2, driver.nodeCount(graph));
            exec = driver.instantiate(graph);
        }
        assertArrayEquals(new float[] {0, 0}, floats(y), "captured, not run");
        driver.upload(exec, stream);
        driver.launch(exec, stream);
        driver.launch(exec, stream);
        driver.synchronize(stream);
        assertArrayEquals(new float[] {26, 52}, floats(y));
        exec.close();
        assertThrows(CudaClosedException.class, () -> driver.launch(exec, stream));
        assertCalled("cuStreamBeginCapture_v2(1)");
    }

    @Test
    void nothingIsLeakedWhenMakingFails() {
        CudaStream stream = driver.createStream();
        List<String> calls = List.of("cuMemAlloc_v2", "cuMemHostAlloc", "cuMemHostRegister_v2", "cuStreamCreate",
                "cuEventCreate", "cuModuleLoadDataEx", "cuStreamEndCapture", "cuGraphInstantiateWithFlags");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mine = arena.allocate(16);
            List<Consumer<CudaDriver>> made = List.of(d -> d.allocate(1), d -> d.allocateHost(1),
                    d -> d.registerHost(mine, false), CudaDriver::createStream, d -> d.createEvent(true),
                    d -> d.loadModule("kernels", PTX), d -> d.endCapture(stream), d -> {
                        d.beginCapture(stream, CaptureMode.GLOBAL);
                        d.instantiate(d.endCapture(stream));
                    });
            for (int i = 0; i < calls.size(); i++) {
                if (calls.get(i).equals("cuStreamEndCapture")) {
                    driver.beginCapture(stream, CaptureMode.GLOBAL);
                }
                Consumer<CudaDriver> make = made.get(i);
                int open = context.openHandles();
                subject.fail(calls.get(i), 1, 2);
                CudaException e = assertThrows(CudaOutOfMemoryException.class, () -> make.accept(driver),
                        calls.get(i));
                assertEquals(calls.get(i), e.call());
                if (calls.get(i).equals("cuStreamEndCapture")) {
                    driver.endCapture(stream).close();
                } else if (!calls.get(i).startsWith("cuGraph")) {
                    assertEquals(open, context.openHandles(), calls.get(i));
                }
            }
        }
    }

    @Test
    void aLaunchAllocatesNothing() {
        CudaStream stream = driver.createStream();
        CudaFunction axpy = kernel("axpy");
        KernelParameters parameters = axpy(null, null, 1, 0);
        LaunchConfig config = LaunchConfig.of(1, 1);
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        for (int i = 0; i < 20_000; i++) {
            driver.launch(axpy, config, stream, parameters);
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1000; i++) {
            driver.launch(axpy, config, stream, parameters);
        }
        long bytes = threads.getCurrentThreadAllocatedBytes() - before;
        if (!driver.name().equals("recording")) {
            assertTrue(bytes < 1000, bytes + " bytes in 1000 launches");
        }
    }
}
