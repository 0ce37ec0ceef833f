package dev.gambit.engine.gguf;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Where a header's bytes come from. A file is read, not mapped: a file that another process cuts meanwhile then ends in
 * an exception where a mapping would end in a fault.
 */
interface ByteSource {

    /** Returns the number of bytes there are. */
    long size();

    /** Copies {@code count} bytes at {@code position} to {@code target}, from {@code offset} on. */
    void read(long position, byte[] target, int offset, int count) throws IOException;

    /** Returns the bytes of a file. */
    static ByteSource of(FileChannel channel) throws IOException {
        long size = channel.size();
        return new ByteSource() {
            @Override
            public long size() {
                return size;
            }

            @Override
            public void read(long position, byte[] target, int offset, int count) throws IOException {
                ByteBuffer buffer = ByteBuffer.wrap(target, offset, count);
                while (buffer.hasRemaining()) {
                    if (channel.read(buffer, position + buffer.position() - offset) < 0) {
                        throw new EOFException("the file became shorter while it was read");
                    }
                }
            }
        };
    }

    /** Returns the bytes of a segment. */
    static ByteSource of(MemorySegment segment) {
        return new ByteSource() {
            @Override
            public long size() {
                return segment.byteSize();
            }

            @Override
            public void read(long position, byte[] target, int offset, int count) {
                MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, position, target, offset, count);
            }
        };
    }
}
