package dev.gambit.bindings.jcuda.internal;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.testing.CudaDriverContract;
import dev.gambit.bindings.testing.DriverSubject;
import dev.gambit.bindings.testing.StubLibrary;

/** The contract through JCuda, on the stub of the driver's library. */
class JCudaDriverTest extends CudaDriverContract {

    @Override
    protected DriverSubject open() {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "JCuda has natives for x86-64 alone");
        StubLibrary stub = StubLibrary.load();
        return DriverSubject.of(CudaDrivers.open("jcuda"), stub);
    }
}
