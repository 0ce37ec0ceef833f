package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.AttentionShape;
import dev.gambit.engine.internal.model.KvCache;

/**
 * A sequence's keys and values on the device: {@code [layer][position][heads]}, a position's row at a multiple of 16 bytes.
 * Room for more positions is made as the sequence grows, so that a long context costs nothing until it is used.
 */
final class CudaKvCache implements KvCache {

    private static final int FIRST = 2048;

    private final CudaContext context;
    private final CudaDriver driver;
    private final CudaStream stream;
    private final AttentionShape shape;
    private final int layers;
    private final int capacity;
    private DeviceMemory keys;
    private DeviceMemory values;
    private int allocated;

    CudaKvCache(CudaContext context, CudaDriver driver, CudaStream stream, AttentionShape shape, int layers,
            int capacity) {
        this.context = context;
        this.driver = driver;
        this.stream = stream;
        this.shape = shape;
        this.layers = layers;
        this.capacity = capacity;
        allocate(Math.min(capacity, FIRST));
    }

    private void allocate(int positions) {
        DeviceMemory newKeys = driver.allocate((long) layers * positions * shape.keyRowBytes());
        DeviceMemory newValues;
        try {
            newValues = driver.allocate((long) layers * positions * shape.valueRowBytes());
        } catch (RuntimeException e) {
            newKeys.close();
            throw e;
        }
        if (keys != null) {
            move(keys, newKeys, shape.keyRowBytes(), positions);
            move(values, newValues, shape.valueRowBytes(), positions);
            driver.synchronize(stream);
            keys.close();
            values.close();
        }
        keys = newKeys;
        values = newValues;
        allocated = positions;
    }

    private void move(DeviceMemory from, DeviceMemory to, long rowBytes, int positions) {
        for (int l = 0; l < layers; l++) {
            driver.copy(to, (long) l * positions * rowBytes, from, (long) l * allocated * rowBytes, allocated
                    * rowBytes, stream);
        }
    }

    /** Makes sure that there is room for a number of positions, at most the capacity. */
    void reserve(int positions) {
        if (positions > allocated) {
            allocate((int) Math.min(capacity, Math.max(positions, 2L * allocated)));
        }
    }

    @Override
    public void copyFrom(KvCache other, int length) {
        CudaKvCache from = (CudaKvCache) other;
        reserve(length);
        for (int l = 0; l < layers; l++) {
            driver.copy(keys, l * layerKeys(), from.keys, l * from.layerKeys(), length * shape.keyRowBytes(), stream);
            driver.copy(values, l * layerValues(), from.values, l * from.layerValues(), length * shape.valueRowBytes(),
                    stream);
        }
        driver.synchronize(stream);
    }

    /** Returns the bytes from one layer's keys to the next's. */
    long layerKeys() {
        return allocated * shape.keyRowBytes();
    }

    /** Returns the bytes from one layer's values to the next's. */
    long layerValues() {
        return allocated * shape.valueRowBytes();
    }

    /** Returns the address of a layer's keys. */
    long keys(int layer) {
        return keys.address() + layer * layerKeys();
    }

    /** Returns the address of a layer's values. */
    long values(int layer) {
        return values.address() + layer * layerValues();
    }

    /** Returns the bytes that a sequence of this length takes at first. */
    static long firstBytes(AttentionShape shape, int layers, int capacity) {
        return (long) layers * Math.min(capacity, FIRST) * (shape.keyRowBytes() + shape.valueRowBytes());
    }

    @Override
    public int capacity() {
        return capacity;
    }

    @Override
    public long byteSize() {
        return (long) layers * capacity * (shape.keyRowBytes() + shape.valueRowBytes());
    }

    @Override
    public void close() {
        if (context.isOpen()) {
            context.makeCurrent();
            if (!context.isPoisoned()) {
                driver.synchronize(stream); // a step that was begun ahead may still write here
            }
        }
        keys.close();
        values.close();
    }
}
