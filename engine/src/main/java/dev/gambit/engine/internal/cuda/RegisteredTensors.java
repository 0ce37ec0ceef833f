package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.HostMemory;
import dev.gambit.engine.LoadListener;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import java.lang.foreign.Arena;
import java.util.function.Supplier;

/**
 * Registers the file's own pages, one tensor's at a time, so that a GPU that shares the host's memory reads them in place:
 * loading then takes no memory besides the weights. A driver that does not register what a process may only read gets copies
 * instead.
 */
final class RegisteredTensors implements RawTensors {

    private final GgufFile file;
    private final CudaDriver driver;
    private final CudaStream stream;
    private final LoadListener listener;
    private final long all;
    private final Supplier<RawTensors> otherwise;
    private RawTensors copies;
    private Arena mapping;
    private HostMemory pages;
    private long done;

    /**
     * @param listener hears of each tensor; null for nobody
     * @param all bytes of the tensors that will be read
     * @param otherwise what copies them, where registering fails
     */
    RegisteredTensors(GgufFile file, CudaDriver driver, CudaStream stream, LoadListener listener, long all,
            Supplier<RawTensors> otherwise) {
        this.file = file;
        this.driver = driver;
        this.stream = stream;
        this.listener = listener;
        this.all = all;
        this.otherwise = otherwise;
    }

    @Override
    public DeviceMemory of(GgufTensor tensor) {
        if (copies == null) {
            release();
            mapping = Arena.ofShared();
            try {
                pages = driver.registerHost(file.map(tensor, mapping), true);
                done += tensor.byteSize();
                if (listener != null) {
                    listener.loaded(Math.min(done, all), all);
                }
                return pages.deviceView();
            } catch (CudaException e) {
                release();
                copies = otherwise.get();
            }
        }
        return copies.of(tensor);
    }

    private void release() {
        try {
            if (pages != null) {
                driver.synchronize(stream);
            }
        } finally {
            try {
                if (pages != null) {
                    pages.close();
                }
            } finally {
                pages = null;
                if (mapping != null) {
                    mapping.close();
                    mapping = null;
                }
            }
        }
    }

    @Override
    public void close() {
        try {
            release();
        } finally {
            if (copies != null) {
                copies.close();
            }
        }
    }
}
