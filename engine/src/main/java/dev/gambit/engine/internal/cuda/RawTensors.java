package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.engine.gguf.GgufTensor;

/** Where the device reads a file's tensors as they are in the file, one after the other. */
interface RawTensors extends AutoCloseable {

    /** Returns a tensor's bytes for what is enqueued until the next call. */
    DeviceMemory of(GgufTensor tensor);

    @Override
    void close();
}
