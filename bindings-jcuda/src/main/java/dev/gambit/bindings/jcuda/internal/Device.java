package dev.gambit.bindings.jcuda.internal;

import jcuda.driver.CUdevice;

/** A device as JCuda fills it in. */
final class Device extends CUdevice {

    int value() {
        return (int) getNativePointer();
    }
}
