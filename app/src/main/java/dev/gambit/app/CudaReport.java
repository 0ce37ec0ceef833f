package dev.gambit.app;

import dev.gambit.engine.CudaSystem;
import dev.gambit.engine.GambitException;
import java.util.ArrayList;
import java.util.List;

/** What {@code gambit devices} says about CUDA: the GPUs, or why there are none. */
final class CudaReport {

    private final List<String> available = new ArrayList<>();
    private final List<String> unavailable = new ArrayList<>();

    CudaReport() {
        String reported = null;
        String reason = null;
        for (String driver : CudaSystem.drivers()) {
            try {
                CudaSystem system = CudaSystem.of(driver);
                if (reported == null) {
                    describe(system);
                } else {
                    available.add("    also through --cuda-driver " + driver + ", with PTX set " + sets(system));
                }
                reported = driver;
            } catch (GambitException e) {
                // implementations that fail alike are told of once
                if (!e.getMessage().equals(reason)) {
                    unavailable.add("  CUDA: " + (reason == null ? "" : driver + ": ") + e.getMessage());
                }
                reason = e.getMessage();
            }
        }
    }

    /** Returns the lines about what can be used. */
    List<String> available() {
        return available;
    }

    /** Returns the lines about what cannot. */
    List<String> unavailable() {
        return unavailable;
    }

    private void describe(CudaSystem system) {
        for (int i = 0; i < system.gpus().size(); i++) {
            CudaSystem.Gpu gpu = system.gpus().get(i);
            List<String> lines = gpu.ptxSet() == null ? unavailable : available;
            lines.add("  CUDA " + i + ": " + gpu.name() + (i == 0 ? "" : ", with CUDA_VISIBLE_DEVICES=" + i));
            lines.add("    capability  " + gpu.computeCapability() + ", " + gpu.multiprocessors()
                    + " multiprocessors, " + gpu.uuid());
            lines.add("    memory      " + Numbers.bytes(gpu.memory())
                    + (gpu.integrated() ? ", shared with the processor" : ""));
            lines.add("    bandwidth   " + (gpu.bandwidth() == 0
                    ? "unknown to the driver"
                    : Numbers.fixed(gpu.bandwidth() / 1e9, 1) + " GB/s by the memory's clock and bus"));
            lines.add("    kernels     " + (gpu.ptxSet() == null
                    ? "none; capability 8.0 or higher is needed"
                    : "PTX set " + gpu.ptxSet()));
        }
        available.add("    driver      for CUDA " + system.version() + ", called through " + system.driver());
    }

    private static String sets(CudaSystem system) {
        return String.valueOf(system.gpus().getFirst().ptxSet());
    }
}
