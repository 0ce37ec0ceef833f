package dev.gambit.bindings;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The CUDA driver API as far as Gambit needs it. {@link CudaDrivers#open} gives one.
 * <p>
 * Like CUDA's own, these methods act on the context that is current on the calling thread: call
 * {@link CudaContext#makeCurrent} at the start of what runs on a thread. What makes something says so with a clear
 * exception if no context is current. What a method returns is closed by the caller, or with its context.
 * <p>
 * Methods with a stream put work into it and return at once; the memory they were given must stay open until it is done.
 * Errors of kernels appear at a later call, mostly at {@link #synchronize(CudaStream)}.
 * <p>
 * Every method throws {@link CudaException} (or one of its kinds) when the driver reports an error, and
 * {@link CudaClosedException} when it is given something closed.
 */
public interface CudaDriver {

    /** {@return which implementation this is: {@code ffm} or {@code jcuda}} */
    String name();

    /** {@return the newest CUDA version that the driver supports, such as 12020 for 12.2} */
    int version();

    /** {@return the GPUs, at least one} */
    List<CudaDevice> devices();

    /**
     * A device's attribute.
     *
     * @param device the device
     * @param attribute which
     * @return its value; yes and no are 1 and 0
     */
    int attribute(CudaDevice device, DeviceAttribute attribute);

    /**
     * The bandwidth that a device's memory has by its clock and bus: two transfers per clock.
     *
     * @param device the device
     * @return bytes per second; 0 where the driver does not tell (on some integrated GPUs)
     */
    long memoryBandwidth(CudaDevice device);

    // ---- contexts

    /**
     * Retains the device's primary context and makes it current on the calling thread.
     *
     * @param device the device
     * @return the context
     */
    CudaContext retainPrimaryContext(CudaDevice device);

    /**
     * Makes a context current on the calling thread ({@link CudaContext#makeCurrent} is the same).
     *
     * @param context the context
     */
    void setCurrent(CudaContext context);

    /** {@return the context that {@link #setCurrent} last made current on this thread and that is still open, or null} */
    CudaContext current();

    /** Waits until the current context's device has done everything. */
    void synchronize();

    // ---- modules

    /**
     * Compiles a PTX text for the current context's GPU and loads it. The driver caches what it compiled on disk.
     *
     * @param name for messages
     * @param ptx the text
     * @return the module
     * @throws CudaModuleException if the driver's compiler does not accept it, with what it printed
     */
    CudaModule loadModule(String name, String ptx);

    /**
     * Finds a kernel.
     *
     * @param module where
     * @param name its name
     * @return the kernel
     * @throws CudaModuleException if there is none of that name
     */
    CudaFunction function(CudaModule module, String name);

    /**
     * Finds a global variable.
     *
     * @param module where
     * @param name its name
     * @return its memory, usable for as long as the module is open
     * @throws CudaModuleException if there is none of that name
     */
    DeviceMemory global(CudaModule module, String name);

    /**
     * A kernel's attribute.
     *
     * @param function the kernel
     * @param attribute which
     * @return its value
     */
    int attribute(CudaFunction function, FunctionAttribute attribute);

    /**
     * Sets a kernel's attribute.
     *
     * @param function the kernel
     * @param attribute which; only some can be set
     * @param value the value
     */
    void setAttribute(CudaFunction function, FunctionAttribute attribute, int value);

    /**
     * How many blocks of a kernel run at once on a multiprocessor.
     *
     * @param function the kernel
     * @param threads of a block
     * @param sharedBytes dynamic shared memory of a block
     * @return blocks
     */
    int maxActiveBlocksPerMultiprocessor(CudaFunction function, int threads, long sharedBytes);

    // ---- memory

    /**
     * Allocates device memory, aligned to 256 bytes; its content is undefined.
     *
     * @param bytes at least 1
     * @return the memory
     * @throws CudaOutOfMemoryException if there is not enough
     */
    DeviceMemory allocate(long bytes);

    /** {@return the memory of the current context's device} */
    MemoryInfo memoryInfo();

    /**
     * Allocates pinned host memory that the device can address too.
     *
     * @param bytes at least 1
     * @return the memory
     * @throws CudaOutOfMemoryException if there is not enough
     */
    HostMemory allocateHost(long bytes);

    /**
     * Pins the caller's own memory, such as a mapped file's on a GPU that shares the host's memory.
     *
     * @param segment off the heap; must stay valid until the result is closed
     * @param readOnly whether the device only reads it; needed for memory that the process itself may not write
     * @return the registration
     */
    HostMemory registerHost(MemorySegment segment, boolean readOnly);

    /**
     * Copies to the device and waits.
     *
     * @param target where to
     * @param offset bytes from its start
     * @param source what, on or off the heap
     */
    void copyToDevice(DeviceMemory target, long offset, MemorySegment source);

    /**
     * Copies to the device.
     *
     * @param target where to
     * @param offset bytes from its start
     * @param source what, off the heap; pinned, or the call waits for a part of the copy
     * @param stream the stream
     */
    void copyToDevice(DeviceMemory target, long offset, MemorySegment source, CudaStream stream);

    /**
     * Copies to the host and waits.
     *
     * @param target where to, on or off the heap; its size is copied
     * @param source where from
     * @param offset bytes from its start
     */
    void copyToHost(MemorySegment target, DeviceMemory source, long offset);

    /**
     * Copies to the host.
     *
     * @param target where to, off the heap; its size is copied
     * @param source where from
     * @param offset bytes from its start
     * @param stream the stream
     */
    void copyToHost(MemorySegment target, DeviceMemory source, long offset, CudaStream stream);

    /**
     * Copies within the device.
     *
     * @param target where to; ranges must not overlap
     * @param targetOffset bytes from its start
     * @param source where from
     * @param sourceOffset bytes from its start
     * @param bytes how many
     * @param stream the stream
     */
    void copy(DeviceMemory target, long targetOffset, DeviceMemory source, long sourceOffset, long bytes,
            CudaStream stream);

    /**
     * Sets every byte.
     *
     * @param target the memory; take a slice for a part of it
     * @param value the byte
     * @param stream the stream
     */
    void fill(DeviceMemory target, byte value, CudaStream stream);

    /**
     * Sets every 32-bit word.
     *
     * @param target the memory, a multiple of 4 bytes
     * @param value the word; {@link Float#floatToRawIntBits} for a float
     * @param stream the stream
     */
    void fill(DeviceMemory target, int value, CudaStream stream);

    // ---- streams and events

    /** {@return a new stream, which does not wait for the default stream} */
    CudaStream createStream();

    /**
     * Waits until a stream's work is done, and reports what went wrong in it.
     *
     * @param stream the stream
     */
    void synchronize(CudaStream stream);

    /**
     * Whether a stream's work is done.
     *
     * @param stream the stream
     * @return whether
     */
    boolean isDone(CudaStream stream);

    /**
     * Lets a stream's further work wait for an event.
     *
     * @param stream the stream
     * @param event recorded in any stream
     */
    void waitFor(CudaStream stream, CudaEvent event);

    /**
     * Makes an event.
     *
     * @param timing whether {@link #elapsedMillis} will ask it for its time; without it is cheaper
     * @return the event
     */
    CudaEvent createEvent(boolean timing);

    /**
     * Puts an event into a stream.
     *
     * @param event the event
     * @param stream the stream
     */
    void record(CudaEvent event, CudaStream stream);

    /**
     * Waits until what was in front of the event's last recording is done.
     *
     * @param event the event
     */
    void synchronize(CudaEvent event);

    /**
     * Whether what was in front of the event's last recording is done.
     *
     * @param event the event
     * @return whether
     */
    boolean isDone(CudaEvent event);

    /**
     * The time between two events that are done.
     *
     * @param start made with timing
     * @param end made with timing
     * @return milliseconds, to half a microsecond
     */
    float elapsedMillis(CudaEvent start, CudaEvent end);

    // ---- launches and graphs

    /**
     * Launches a kernel. Allocates nothing on the Java heap.
     *
     * @param function the kernel
     * @param config grid, block, shared memory
     * @param stream the stream
     * @param parameters its arguments, copied during the call
     */
    void launch(CudaFunction function, LaunchConfig config, CudaStream stream, KernelParameters parameters);

    /**
     * {@return whether {@link LaunchConfig#needsAttributes} configurations can be launched} Clusters also need
     * {@link DeviceAttribute#CLUSTER_LAUNCH}, dependent launches compute capability 9.0.
     */
    boolean supportsLaunchAttributes();

    /**
     * Begins to collect what is put into a stream instead of running it. On an error in between end the capture all the
     * same.
     *
     * @param stream the stream
     * @param mode what else may happen meanwhile
     */
    void beginCapture(CudaStream stream, CaptureMode mode);

    /**
     * Ends a capture, on the thread that began it.
     *
     * @param stream the stream
     * @return what was collected
     */
    CudaGraph endCapture(CudaStream stream);

    /**
     * How many kernels, copies and fills a graph holds.
     *
     * @param graph the graph
     * @return nodes
     */
    int nodeCount(CudaGraph graph);

    /**
     * Makes a graph launchable. The graph may be closed afterwards; the memory its kernels address may not.
     *
     * @param graph the graph
     * @return what can be launched
     */
    CudaGraphExec instantiate(CudaGraph graph);

    /**
     * Sends a graph to the device, so that its first launch is as fast as the others.
     *
     * @param graph what to send
     * @param stream the stream
     */
    void upload(CudaGraphExec graph, CudaStream stream);

    /**
     * Launches a graph with one call. Allocates nothing on the Java heap.
     *
     * @param graph what to launch
     * @param stream the stream
     */
    void launch(CudaGraphExec graph, CudaStream stream);
}
