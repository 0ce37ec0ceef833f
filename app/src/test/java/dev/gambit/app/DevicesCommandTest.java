package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.testing.ChildJvm;
import dev.gambit.bindings.testing.StubLibrary;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code gambit devices} says of GPUs, on the stub of the driver's library: in a process of its own, which has it. */
class DevicesCommandTest {

    private static String devices(String... settings) throws Exception {
        String stub = StubLibrary.compile("gcc").toString();
        String[] arguments = new String[settings.length + 1];
        arguments[0] = OnStub.class.getName();
        System.arraycopy(settings, 0, arguments, 1, settings.length);
        return ChildJvm.run(List.of("-cp", System.getProperty("java.class.path"), "--add-modules",
                "jdk.incubator.vector", "-D" + StubLibrary.PROPERTY + "=" + stub), arguments);
    }

    /** Sets up the stub as the arguments say, two for a setting, and lists the devices. */
    static final class OnStub {
        public static void main(String[] args) {
            StubLibrary stub = StubLibrary.load();
            for (int i = 0; i < args.length; i += 2) {
                stub.set(args[i], Long.parseLong(args[i + 1]));
            }
            System.exit(Main.run("devices"));
        }
    }

    @Test
    void listsEachGpu() throws Exception {
        List<String> lines = devices().lines().filter(line -> line.startsWith("  ")).toList();
        int at = lines.indexOf("  CUDA 0: Stub GPU 0");
        assertTrue(at > 0, lines.toString());
        assertEquals(List.of("    capability  8.7, 16 multiprocessors, GPU-00010203-0405-0607-0809-0a0b0c0d0e0f",
                "    memory      64.00 GiB, shared with the processor",
                "    bandwidth   204.8 GB/s by the memory's clock and bus", "    kernels     PTX set compute_80",
                "  CUDA 1: Stub GPU 1, with CUDA_VISIBLE_DEVICES=1"), lines.subList(at + 1, at + 6));
        assertTrue(lines.contains("    driver      for CUDA 12.2, called through ffm"), lines.toString());
    }

    @Test
    void saysWhyThereIsNoGpuOnce() throws Exception {
        String said = devices("device_count", "0");
        assertEquals(List.of("  CUDA: NVIDIA driver for CUDA 12.2: expected a GPU, found none; check nvidia-smi and "
                + "CUDA_VISIBLE_DEVICES"), said.lines().filter(line -> line.contains("CUDA")).toList(), said);
    }

    @Test
    void saysThatTheDriverIsTooOld() throws Exception {
        String said = devices("driver_version", "11040");
        assertTrue(said.contains(
                "Not available:\n  CUDA: NVIDIA driver: expected one for CUDA 11.8 or newer, found one "
                        + "for CUDA 11.4; update the driver"), said);
    }
}
