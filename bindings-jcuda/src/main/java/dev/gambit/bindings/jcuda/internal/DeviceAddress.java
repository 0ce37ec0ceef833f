package dev.gambit.bindings.jcuda.internal;

import jcuda.driver.CUdeviceptr;

/** An address on the device as JCuda takes it, or fills it in. */
final class DeviceAddress extends CUdeviceptr {

    DeviceAddress() {}

    /** JCuda has no pointer of a number; its offset from null is one. */
    DeviceAddress(long address) {
        super(new CUdeviceptr(), address);
    }

    long value() {
        return getNativePointer();
    }
}
