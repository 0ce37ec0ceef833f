package dev.gambit.engine.internal.model;

/** A sequence's keys and values, in whatever form its backend keeps them. */
public interface KvCache extends AutoCloseable {

    /** Returns the positions it has room for. */
    int capacity();

    /** Returns the bytes it may take when full. */
    long byteSize();

    @Override
    void close();
}
