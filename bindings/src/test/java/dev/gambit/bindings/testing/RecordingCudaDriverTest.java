package dev.gambit.bindings.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** The contract on the fake, with the stub's kernels in Java. */
class RecordingCudaDriverTest extends CudaDriverContract {

    @Override
    protected DriverSubject open() {
        RecordingCudaDriver driver = RecordingCudaDriver.open(87, 64L << 30);
        driver.kernels((name, config, arguments) -> {
            if (name.equals("axpy")) {
                for (int i = 0; i < arguments.int32(3); i++) {
                    MemorySegment y = arguments.memory(0);
                    float x = arguments.memory(1).getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    y.setAtIndex(ValueLayout.JAVA_FLOAT, i,
                            y.getAtIndex(ValueLayout.JAVA_FLOAT, i) + arguments.float32(2) * x);
                }
            } else {
                MemorySegment out = arguments.memory(0);
                MemorySegment struct = arguments.bytes(3);
                out.setAtIndex(ValueLayout.JAVA_LONG, 0, arguments.int64(1));
                out.setAtIndex(ValueLayout.JAVA_LONG, 1, (long) (1000 * arguments.float64(2)));
                out.setAtIndex(ValueLayout.JAVA_LONG, 2, struct.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
                out.setAtIndex(ValueLayout.JAVA_LONG, 3, struct.get(ValueLayout.JAVA_INT_UNALIGNED, 4));
                out.setAtIndex(ValueLayout.JAVA_LONG, 4, struct.get(ValueLayout.JAVA_LONG_UNALIGNED, 8));
            }
        });
        return DriverSubject.of(driver);
    }

    @Test
    void anAddressOutsideOfWhatIsAllocatedIsAnError() {
        RecordingCudaDriver driver = RecordingCudaDriver.open(90, 1024);
        try (CudaContext context = driver.retainPrimaryContext(driver.devices().getFirst())) {
            // the fake's variables have an address and no memory
            DeviceMemory nowhere = driver.global(driver.loadModule("kernels", PTX), "table");
            CudaStream stream = driver.createStream();
            CudaException e = assertThrows(CudaException.class, () -> driver.fill(nowhere, 1, stream));
            assertEquals("CUDA_ERROR_ILLEGAL_ADDRESS", e.errorName());
            assertTrue(context.isPoisoned());
        }
        assertEquals(0, driver.live());
    }
}
