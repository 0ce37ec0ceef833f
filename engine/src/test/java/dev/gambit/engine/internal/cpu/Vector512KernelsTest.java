package dev.gambit.engine.internal.cpu;

class Vector512KernelsTest extends ForkedKernelContract {

    Vector512KernelsTest() {
        super(512);
    }
}
