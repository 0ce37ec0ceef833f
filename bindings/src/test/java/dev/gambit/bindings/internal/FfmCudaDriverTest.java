package dev.gambit.bindings.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.bindings.CudaDrivers;
import dev.gambit.bindings.testing.CudaDriverContract;
import dev.gambit.bindings.testing.DriverSubject;
import dev.gambit.bindings.testing.StubLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;

/** The contract through FFM, on the stub of the driver's library. */
public class FfmCudaDriverTest extends CudaDriverContract {

    /** The calls of all tests together, by name. */
    private static final Set<String> CALLED = new TreeSet<>();
    private static int tests;

    private StubLibrary stub;

    @Override
    protected DriverSubject open() {
        stub = StubLibrary.load();
        return DriverSubject.of(CudaDrivers.open("ffm"), stub);
    }

    @AfterEach
    void collect() {
        tests++;
        stub.calls().forEach(call -> CALLED.add(call.substring(0, call.indexOf('('))));
    }

    @AfterAll
    static void everySymbolWasCalled() {
        if (tests > 20) {
            List<String> never = new ArrayList<>(DriverLibrary.SYMBOLS);
            never.add(DriverLibrary.LAUNCH_EX);
            never.removeAll(CALLED);
            assertEquals(List.of(), never, "bound, and called by no test");
        }
    }
}
