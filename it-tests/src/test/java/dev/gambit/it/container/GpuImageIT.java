package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.model.DeviceRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.utility.DockerImageName;

/** The same image with a GPU: its driver comes from the host, nothing else of CUDA is needed. */
@Timeout(180)
class GpuImageIT {

    @Test
    void theImageWritesOnAGpu() {
        Images.requireEngine();
        assumeTrue(Files.exists(Path.of("/dev/nvidia0")) || Files.exists(Path.of("/dev/nvhost-gpu")),
                "no NVIDIA GPU on this machine (/dev/nvidia0, /dev/nvhost-gpu)");
        try (GenericContainer<?> run = new GenericContainer<>(DockerImageName.parse(Images.gambit()))
                .withCommand("generate", "--backend", "cuda", "-p", "Once upon a time", "-n", "16", "-s", "1")
                .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(Duration.ofSeconds(120)))
                .withCreateContainerCmdModifier(cmd -> cmd.getHostConfig()
                        .withDeviceRequests(List.of(
                                new DeviceRequest().withCount(-1).withCapabilities(List.of(List.of("gpu"))))))) {
            run.start();
            assertTrue(run.getLogs(OutputType.STDOUT).startsWith("Once upon a time"), run.getLogs());
            assertTrue(run.getLogs(OutputType.STDERR).contains("CUDA"), run.getLogs());
        }
    }
}
