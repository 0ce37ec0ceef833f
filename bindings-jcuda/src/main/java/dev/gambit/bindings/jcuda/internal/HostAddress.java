package dev.gambit.bindings.jcuda.internal;

import jcuda.Pointer;

/** A host address as JCuda takes it, or fills it in. */
final class HostAddress extends Pointer {

    HostAddress() {}

    HostAddress(long address) {
        super(address);
    }

    long value() {
        return getNativePointer();
    }
}
