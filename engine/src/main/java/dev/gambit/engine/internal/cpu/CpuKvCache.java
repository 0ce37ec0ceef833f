package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.internal.model.KvCache;
import dev.gambit.engine.internal.model.ModelConfig;
import java.lang.foreign.Arena;

/** A sequence's keys and values, a {@link KvLayer} a layer, in an arena of its own. */
final class CpuKvCache implements KvCache {

    final KvLayer[] layers;
    private final int capacity;
    private final Arena arena = Arena.ofShared();

    CpuKvCache(ModelConfig c, int capacity, KvCacheType keys, KvCacheType values) {
        this.capacity = capacity;
        layers = new KvLayer[c.layers()];
        try {
            for (int i = 0; i < layers.length; i++) {
                layers[i] = new KvLayer(keys, values, c.kvHeads(), c.keyLength(), c.valueLength(), capacity, arena);
            }
        } catch (OutOfMemoryError e) {
            arena.close();
            long bytes = (long) c.layers() * c.kvHeads() * capacity * (keys.bytes(c.keyLength()) + values.bytes(c
                    .valueLength()));
            throw new GambitException(
                    GambitException.line(
                            "key-value cache for a context of " + capacity,
                            "memory for " + (bytes >> 20) + " MiB",
                            "less",
                            "choose a shorter context (-c)"),
                    e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public int capacity() {
        return capacity;
    }

    @Override
    public void copyFrom(KvCache other, int length) {
        for (int i = 0; i < layers.length; i++) {
            layers[i].copyFrom(((CpuKvCache) other).layers[i], length);
        }
    }

    @Override
    public long byteSize() {
        long n = 0;
        for (KvLayer l : layers) {
            n += l.keys.byteSize() + l.values.byteSize();
        }
        return n;
    }

    @Override
    public void close() {
        arena.close();
    }
}
