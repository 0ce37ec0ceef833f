package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaEvent;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.HostMemory;
import dev.gambit.engine.LoadListener;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Copies a file's tensors to the device through two pieces of pinned memory: one is filled while the other is copied. */
final class Upload implements RawTensors {

    private static final int PIECE = 16 << 20;

    private final GgufFile file;
    private final CudaDriver driver;
    private final CudaStream stream;
    private final LoadListener listener;
    private final long all;
    private final HostMemory[] pieces = new HostMemory[2];
    private final CudaEvent[] copied = new CudaEvent[2];
    private final DeviceMemory raw;
    private int turn;
    private long done;

    /**
     * @param listener hears of each piece; null for nobody
     * @param all bytes that will be copied
     * @param largest bytes of the largest tensor
     */
    Upload(GgufFile file, CudaDriver driver, CudaStream stream, LoadListener listener, long all, long largest) {
        this.file = file;
        this.driver = driver;
        this.stream = stream;
        this.listener = listener;
        this.all = all;
        raw = driver.allocate(largest);
        try {
            int size = (int) Math.max(4096, Math.min(PIECE, all));
            for (int i = 0; i < 2; i++) {
                pieces[i] = driver.allocateHost(size);
                copied[i] = driver.createEvent(false);
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Copies a tensor's bytes; the last piece may still be on its way when this returns, in order in the stream. */
    @Override
    public DeviceMemory of(GgufTensor tensor) {
        try (Arena mapping = Arena.ofShared()) {
            copy(file.map(tensor, mapping));
        }
        return raw;
    }

    private void copy(MemorySegment from) {
        long size = from.byteSize();
        for (long at = 0; at < size;) {
            long n = Math.min(pieces[turn].size(), size - at);
            driver.synchronize(copied[turn]);
            MemorySegment piece = pieces[turn].segment().asSlice(0, n);
            MemorySegment.copy(from, at, piece, 0, n);
            driver.copyToDevice(raw, at, piece, stream);
            driver.record(copied[turn], stream);
            turn = 1 - turn;
            at += n;
            done += n;
            if (listener != null) {
                listener.loaded(Math.min(done, all), all);
            }
        }
    }

    @Override
    public void close() {
        for (int i = 0; i < 2; i++) {
            if (copied[i] != null) {
                copied[i].close();
            }
            if (pieces[i] != null) {
                pieces[i].close();
            }
        }
        raw.close();
    }
}
