package dev.gambit.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A kernel's arguments, laid out once and for all as the driver reads them, so that a launch allocates nothing. Build it
 * in the order of the kernel's C signature; afterwards each value can be set anew by its position. The driver copies the
 * values during the launch, so the block may be changed right after it; one thread at a time.
 * <p>
 * The block keeps hold of the {@link DeviceMemory} it was given: launching with memory that was closed is refused, where
 * the GPU would fail with an illegal address and take the whole context with it. It needs no closing.
 */
public final class KernelParameters {

    private static final long SLOT = 8;

    /** {@code void*[n]}, then the values, 8 bytes each or more. */
    private final MemorySegment block;
    private final int count;
    /** Where each value starts in {@link #block}, and how long it is. */
    private final long[] offsets;
    private final long[] sizes;
    private final Type[] types;
    /** What each address was taken of, to be checked at each launch. */
    private final DeviceMemory[] memory;
    /** What a driver has made for this block, once. */
    private Object prepared;

    private enum Type {
        ADDRESS, INT32, INT64, FLOAT32, FLOAT64, BYTES
    }

    private KernelParameters(Builder builder) {
        count = builder.types.size();
        types = builder.types.toArray(Type[]::new);
        memory = new DeviceMemory[count];
        offsets = new long[count];
        sizes = new long[count];
        long at = count * SLOT;
        for (int i = 0; i < count; i++) {
            // structs by value may ask for 16 bytes of alignment
            long alignment = types[i] == Type.BYTES ? 2 * SLOT : SLOT;
            at = (at + alignment - 1) / alignment * alignment;
            offsets[i] = at;
            sizes[i] = builder.values.get(i) instanceof byte[] struct ? struct.length : SLOT;
            at += sizes[i];
        }
        block = Arena.ofAuto().allocate(Math.max(at, SLOT), 2 * SLOT);
        for (int i = 0; i < count; i++) {
            block.set(ValueLayout.JAVA_LONG, i * SLOT, block.address() + offsets[i]);
            switch (builder.values.get(i)) {
                case DeviceMemory m -> set(i, m);
                case Integer v -> set(i, v.intValue());
                case Long v -> setLong(i, v);
                case Float v -> set(i, v.floatValue());
                case Double v -> set(i, v.doubleValue());
                case byte[] v -> MemorySegment.copy(v, 0, block, ValueLayout.JAVA_BYTE, offsets[i], v.length);
                default -> throw new AssertionError(builder.values.get(i));
            }
        }
    }

    private void setLong(int index, long value) {
        if (types[index] == Type.ADDRESS) {
            setAddress(index, value);
        } else {
            set(index, value);
        }
    }

    /** {@return a new builder} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return how many parameters there are} */
    public int count() {
        return count;
    }

    /**
     * Sets a pointer.
     *
     * @param index the position, from 0
     * @param value device memory, open at each launch; null for a null pointer
     */
    public void set(int index, DeviceMemory value) {
        check(index, Type.ADDRESS);
        block.set(ValueLayout.JAVA_LONG, offsets[index], value == null ? 0 : value.address());
        memory[index] = value;
    }

    /**
     * Sets a pointer that is not checked at launches.
     *
     * @param index the position, from 0
     * @param address on the device
     */
    public void setAddress(int index, long address) {
        check(index, Type.ADDRESS);
        block.set(ValueLayout.JAVA_LONG, offsets[index], address);
        memory[index] = null;
    }

    /**
     * Sets an {@code int} or {@code unsigned}.
     *
     * @param index the position, from 0
     * @param value the value
     */
    public void set(int index, int value) {
        check(index, Type.INT32);
        block.set(ValueLayout.JAVA_INT, offsets[index], value);
    }

    /**
     * Sets a {@code long long} or {@code size_t}.
     *
     * @param index the position, from 0
     * @param value the value
     */
    public void set(int index, long value) {
        check(index, Type.INT64);
        block.set(ValueLayout.JAVA_LONG, offsets[index], value);
    }

    /**
     * Sets a {@code float}.
     *
     * @param index the position, from 0
     * @param value the value
     */
    public void set(int index, float value) {
        check(index, Type.FLOAT32);
        block.set(ValueLayout.JAVA_FLOAT, offsets[index], value);
    }

    /**
     * Sets a {@code double}.
     *
     * @param index the position, from 0
     * @param value the value
     */
    public void set(int index, double value) {
        check(index, Type.FLOAT64);
        block.set(ValueLayout.JAVA_DOUBLE, offsets[index], value);
    }

    /**
     * The bytes of one value: 8 for what is not a struct, of which an {@code int} or {@code float} is the first 4.
     *
     * @param index the position, from 0
     * @return a view
     */
    public MemorySegment value(int index) {
        Objects.checkIndex(index, count);
        return block.asSlice(offsets[index], sizes[index]);
    }

    private void check(int index, Type type) {
        Objects.checkIndex(index, count);
        if (types[index] != type) {
            throw new IllegalArgumentException("kernel parameter " + index + ": expected " + types[index] + ", found "
                    + type + "; set it with the type that it was built with");
        }
    }

    /** Checks that all memory that was set is open. */
    void checkOpen() {
        for (DeviceMemory m : memory) {
            if (m != null) {
                m.peer();
            }
        }
    }

    /** {@return what {@link #prepare} was given, or null} */
    public Object prepared() {
        return prepared;
    }

    /**
     * For implementations of the driver: keeps what they have made of {@link #block}.
     *
     * @param object theirs
     */
    public void prepare(Object object) {
        prepared = object;
    }

    /** {@return for implementations of the driver: {@code void*[count]}, whose pointers lead to the values behind it} */
    public MemorySegment block() {
        return block;
    }

    /** Takes a kernel's arguments in the order of its C signature. */
    public static final class Builder {

        private final List<Type> types = new ArrayList<>();
        private final List<Object> values = new ArrayList<>();

        private Builder() {}

        /**
         * A pointer.
         *
         * @param value device memory; null for a null pointer
         * @return this
         */
        public Builder add(DeviceMemory value) {
            return value == null ? addAddress(0) : add(Type.ADDRESS, value);
        }

        /**
         * A pointer that is not checked at launches.
         *
         * @param address on the device
         * @return this
         */
        public Builder addAddress(long address) {
            return add(Type.ADDRESS, address);
        }

        /**
         * An {@code int} or {@code unsigned}.
         *
         * @param value the first value
         * @return this
         */
        public Builder add(int value) {
            return add(Type.INT32, value);
        }

        /**
         * A {@code long long} or {@code size_t}.
         *
         * @param value the first value
         * @return this
         */
        public Builder add(long value) {
            return add(Type.INT64, value);
        }

        /**
         * A {@code float}.
         *
         * @param value the first value
         * @return this
         */
        public Builder add(float value) {
            return add(Type.FLOAT32, value);
        }

        /**
         * A {@code double}.
         *
         * @param value the first value
         * @return this
         */
        public Builder add(double value) {
            return add(Type.FLOAT64, value);
        }

        /**
         * A struct by value.
         *
         * @param value its bytes as C lays them out; copied, and changed later through {@link KernelParameters#value}
         * @return this
         */
        public Builder add(byte[] value) {
            return add(Type.BYTES, value.clone());
        }

        private Builder add(Type type, Object value) {
            types.add(type);
            values.add(value);
            return this;
        }

        /** {@return the parameters} */
        public KernelParameters build() {
            return new KernelParameters(this);
        }
    }
}
