package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/** What launchers check before a kernel runs, where a mistake would be an illegal address that ends the context. */
final class Check {

    private Check() {}

    /** Checks that memory is there, large enough and aligned for 16-byte loads. */
    static void vector(String what, DeviceMemory memory, long bytes) {
        if (memory == null) {
            throw new IllegalArgumentException(what + ": expected " + bytes + " bytes, found none");
        }
        if (memory.size() < bytes) {
            throw new IllegalArgumentException(
                    what + ": expected " + bytes + " bytes, found " + memory.size() + " of " + memory);
        }
        if (memory.address() % 16 != 0) {
            throw new IllegalArgumentException(what + ": expected an address that is a multiple of 16, found "
                    + memory.address());
        }
    }

    /** Checks memory that is optional and read a float at a time. */
    static void floats(String what, DeviceMemory memory, long count) {
        if (memory != null && memory.size() < 4 * count) {
            throw new IllegalArgumentException(
                    what + ": expected " + count + " floats, found " + memory.size() / 4 + " in " + memory);
        }
    }

    static void that(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
