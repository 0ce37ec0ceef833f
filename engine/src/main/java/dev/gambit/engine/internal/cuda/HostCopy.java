package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.HostMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies floats of the device to arrays through a piece of pinned memory, in order in the stream. */
final class HostCopy {

    private static final int FLOATS = 1 << 20;

    private final CudaDriver driver;
    private final CudaStream stream;
    private final HostMemory piece;

    HostCopy(CudaDriver driver, CudaStream stream, DeviceArena arena) {
        this.driver = driver;
        this.stream = stream;
        piece = arena.host(4L * FLOATS);
    }

    /** Waits for the stream and copies {@code n} floats from an offset in floats on. */
    void copy(DeviceMemory from, long offset, float[] to, int at, int n) {
        for (int done = 0; done < n;) {
            int count = Math.min(FLOATS, n - done);
            MemorySegment pinned = piece.segment().asSlice(0, 4L * count);
            driver.copyToHost(pinned, from, 4 * (offset + done), stream);
            driver.synchronize(stream);
            MemorySegment.copy(pinned, ValueLayout.JAVA_FLOAT, 0, to, at + done, count);
            done += count;
        }
    }
}
