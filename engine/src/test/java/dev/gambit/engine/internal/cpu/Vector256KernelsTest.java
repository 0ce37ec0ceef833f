package dev.gambit.engine.internal.cpu;

class Vector256KernelsTest extends ForkedKernelContract {

    Vector256KernelsTest() {
        super(256);
    }
}
