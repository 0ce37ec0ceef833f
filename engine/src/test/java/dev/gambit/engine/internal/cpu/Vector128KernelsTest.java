package dev.gambit.engine.internal.cpu;

class Vector128KernelsTest extends ForkedKernelContract {

    Vector128KernelsTest() {
        super(128);
    }
}
