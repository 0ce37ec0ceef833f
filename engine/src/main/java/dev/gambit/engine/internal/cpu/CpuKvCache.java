package dev.gambit.engine.internal.cpu;

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
