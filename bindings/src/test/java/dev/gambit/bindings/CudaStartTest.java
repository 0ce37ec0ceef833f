package dev.gambit.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.CudaUnavailableException.Reason;
import dev.gambit.bindings.testing.ChildJvm;
import dev.gambit.bindings.testing.StubLibrary;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Why there is no CUDA is said in one line, for each of the reasons. */
class CudaStartTest {

    @AfterEach
    void resetStub() {
        StubLibrary.load();
    }

    private static CudaUnavailableException unavailable(String name) {
        return assertThrows(CudaUnavailableException.class, () -> CudaDrivers.open(name));
    }

    @Test
    void noLibrary() throws Exception {
        // in a process of its own: in this one the stub may be loaded
        String said = ChildJvm.run(List.of("-cp", System.getProperty("java.class.path")), NoLibrary.class.getName());
        assertTrue(said.contains("NO_LIBRARY: libcuda.so.1: expected NVIDIA's driver library, found none; install the "
                + "NVIDIA driver"), said);
        assertEquals(2, said.lines().filter(line -> line.startsWith("NO_LIBRARY")).count(), said);
    }

    /** Opens the driver twice, as the first failure must not spoil the second. */
    static final class NoLibrary {
        public static void main(String[] args) {
            for (int i = 0; i < 2; i++) {
                try {
                    CudaDrivers.open("ffm");
                } catch (CudaUnavailableException e) {
                    System.out.println(e.reason() + ": " + e.getMessage());
                }
            }
        }
    }

    @Test
    void noDevice() {
        StubLibrary stub = StubLibrary.load();
        stub.set("device_count", 0);
        CudaUnavailableException none = unavailable("ffm");
        assertEquals(Reason.NO_DEVICE, none.reason());
        assertEquals("NVIDIA driver for CUDA 12.2: expected a GPU, found none; check nvidia-smi and "
                + "CUDA_VISIBLE_DEVICES", none.getMessage());
        stub.fail("cuInit", 1, 100);
        CudaUnavailableException refused = unavailable("ffm");
        assertEquals(Reason.NO_DEVICE, refused.reason());
        assertEquals("cuInit", refused.call());
        assertTrue(refused.getMessage().startsWith("cuInit failed: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device"),
                refused.getMessage());
    }

    @Test
    void driverTooOld() {
        StubLibrary stub = StubLibrary.load();
        stub.set("driver_version", 11040);
        CudaUnavailableException old = unavailable("ffm");
        assertEquals(Reason.DRIVER_TOO_OLD, old.reason());
        assertEquals("NVIDIA driver: expected one for CUDA 11.8 or newer, found one for CUDA 11.4; update the driver",
                old.getMessage());
        stub.set("driver_version", 11080);
        assertEquals(11080, CudaDrivers.open("ffm").version());
    }

    @Test
    void driverThatDoesNotStart() {
        StubLibrary stub = StubLibrary.load();
        stub.fail("cuInit", 1, 803);
        CudaUnavailableException e = unavailable("ffm");
        assertEquals(Reason.NOT_STARTED, e.reason());
        assertTrue(e.getMessage().endsWith("the kernel module and libcuda are of different versions; reboot"),
                e.getMessage());
        stub.fail("cuDeviceGetName", 2, 999);
        assertEquals("cuDeviceGetName failed: error 999 (999), unknown to the driver", unavailable("ffm").getMessage());
    }

    @Test
    void severalDevices() {
        StubLibrary.load();
        List<CudaDevice> devices = CudaDrivers.open("ffm").devices();
        assertEquals(List.of("Stub GPU 0", "Stub GPU 1"), devices.stream().map(CudaDevice::name).toList());
        assertEquals("GPU-10111213-1415-1617-1819-1a1b1c1d1e1f", devices.get(1).uuid());
    }

    @Test
    void unknownNames() {
        CudaUnavailableException unknown = unavailable("cuda");
        assertEquals(Reason.NO_IMPLEMENTATION, unknown.reason());
        assertEquals("CUDA driver: expected one of ffm, found cuda; use --cuda-driver ffm", unknown.getMessage());
        CudaUnavailableException missing = unavailable("jcuda");
        assertEquals(Reason.NO_IMPLEMENTATION, missing.reason());
        assertTrue(missing.getMessage().contains("expected gambit-bindings-jcuda"), missing.getMessage());
    }
}
