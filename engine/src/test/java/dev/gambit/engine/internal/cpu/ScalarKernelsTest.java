package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.KernelChecks.Check;

class ScalarKernelsTest extends KernelContract {

    @Override
    int run(Check check) {
        return new KernelChecks(new ScalarKernels(16)).run(check);
    }
}
