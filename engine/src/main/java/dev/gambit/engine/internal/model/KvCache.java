package dev.gambit.engine.internal.model;

/** A sequence's keys and values, in whatever form its backend keeps them. */
public interface KvCache extends AutoCloseable {

    /** Returns the positions it has room for. */
    int capacity();

    /**
     * Takes over the first positions of another sequence of the same model.
     *
     * @param length positions, at most what either has room for
     */
    void copyFrom(KvCache other, int length);

    /** Returns the bytes it may take when full. */
    long byteSize();

    @Override
    void close();
}
