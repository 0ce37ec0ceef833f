package dev.gambit.bindings.testing;

import dev.gambit.bindings.CudaDriver;
import java.util.List;

/** A driver under the contract test, and the hand behind it that lets calls fail and reads what arrived. */
public interface DriverSubject {

    /** {@return the driver, started} */
    CudaDriver driver();

    /**
     * Lets a call fail, once.
     *
     * @param call its name
     * @param at which call of that name from now on, from 1
     * @param code what it returns
     */
    void fail(String call, int at, int code);

    /** {@return the calls that arrived, with their arguments, in order} */
    List<String> calls();

    /** {@return how much was made and not released} */
    int live();

    /**
     * A real library (or the stub of it) behind a driver.
     *
     * @param driver the driver
     * @param stub what it calls
     * @return the subject
     */
    static DriverSubject of(CudaDriver driver, StubLibrary stub) {
        return new DriverSubject() {
            @Override
            public CudaDriver driver() {
                return driver;
            }

            @Override
            public void fail(String call, int at, int code) {
                stub.fail(call, at, code);
            }

            @Override
            public List<String> calls() {
                return stub.calls();
            }

            @Override
            public int live() {
                return stub.live();
            }
        };
    }

    /**
     * The recording fake.
     *
     * @param driver the driver
     * @return the subject
     */
    static DriverSubject of(RecordingCudaDriver driver) {
        return new DriverSubject() {
            @Override
            public CudaDriver driver() {
                return driver;
            }

            @Override
            public void fail(String call, int at, int code) {
                driver.fail(call, at, code);
            }

            @Override
            public List<String> calls() {
                return driver.calls();
            }

            @Override
            public int live() {
                return driver.live();
            }
        };
    }
}
