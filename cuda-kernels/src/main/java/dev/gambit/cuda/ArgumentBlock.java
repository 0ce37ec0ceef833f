package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Writes a kernel's argument structure as C lays it out: each value aligned to its size. */
final class ArgumentBlock {

    private final ByteBuffer bytes = ByteBuffer.allocate(512).order(ByteOrder.nativeOrder());

    ArgumentBlock address(long value) {
        align(8);
        bytes.putLong(value);
        return this;
    }

    ArgumentBlock address(DeviceMemory value) {
        return address(value == null ? 0 : value.address());
    }

    ArgumentBlock int32(int value) {
        bytes.putInt(value);
        return this;
    }

    ArgumentBlock float32(float value) {
        bytes.putFloat(value);
        return this;
    }

    ArgumentBlock matrix(DeviceMatrix m) {
        return m == null
                ? address(0).address(0).address(0)
                : address(m.data()).address(m.scales()).address(m.mins());
    }

    /** Leaves room up to an offset. */
    ArgumentBlock skipTo(int offset) {
        bytes.position(offset);
        return this;
    }

    byte[] toBytes() {
        align(8);
        return Arrays.copyOf(bytes.array(), bytes.position());
    }

    private void align(int to) {
        bytes.position((bytes.position() + to - 1) / to * to);
    }
}
