package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.command.InspectContainerResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.utility.DockerImageName;

/** What is in the image of Dockerfile, and what is not. */
@Timeout(240)
class ImageContainerIT {

    /** Compressed bytes that the image may add to its base: 120 MB for all, of which Debian's slim base takes 30. */
    private static final long LARGEST = 85_000_000;

    @BeforeAll
    static void engine() {
        Images.requireEngine();
    }

    /** Runs the image once to its end. */
    private static GenericContainer<?> oneShot(String image, String... arguments) {
        return new GenericContainer<>(DockerImageName.parse(image))
                .withCommand(arguments)
                .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(Duration.ofSeconds(60)))
                .withCreateContainerCmdModifier(cmd -> cmd.getHostConfig().withReadonlyRootfs(true));
    }

    private static String output(ExecResult result) {
        assertEquals(0, result.getExitCode(), result.getStderr());
        return result.getStdout().strip();
    }

    @Test
    void theCommandLineWritesAStoryInAReadOnlyContainer() {
        try (GenericContainer<?> run = oneShot(Images.gambit(), "generate", "-p", "Once upon a time", "-n", "16", "-s",
                "1")) {
            run.start();
            String text = run.getLogs(OutputType.STDOUT);
            assertTrue(text.startsWith("Once upon a time"), text);
            assertTrue(text.length() > 40, text);
        }
    }

    @Test
    void aMountedModelIsRead(@org.junit.jupiter.api.io.TempDir Path folder) throws Exception {
        Path model = folder.resolve("own.gguf");
        try (var in = dev.gambit.engine.EmbeddedModel.class.getResourceAsStream("fable-7m-q8_0.gguf")) {
            Files.copy(in, model);
        }
        // the container's user is somebody else
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.setPosixFilePermissions(model, PosixFilePermissions.fromString("rw-r--r--"));
        try (GenericContainer<?> run = oneShot(Images.gambit(), "inspect", "/models/own.gguf")
                .withFileSystemBind(folder.toString(), "/models", org.testcontainers.containers.BindMode.READ_ONLY)) {
            run.start();
            assertTrue(run.getLogs(OutputType.STDOUT).contains("general.architecture"), run.getLogs());
        }
    }

    @Test
    void itRunsAsNobodyInParticularAndHoldsNothingToBuildWith() throws Exception {
        ServerContainer server = ServerContainer.shared();
        assertEquals("10001", output(server.execInContainer("id", "-u")));
        assertNotEquals(0, server.execInContainer("touch", "/opt/gambit/x").getExitCode(),
                "the file system is read-only");
        for (String tool : List.of("javac", "jlink", "mvn", "gcc", "cc", "make", "git", "curl", "wget", "python3")) {
            ExecResult found = server.execInContainer("sh", "-c", "command -v " + tool);
            assertNotEquals(0, found.getExitCode(), "there is " + found.getStdout());
        }
        assertEquals("", output(server.execInContainer(
                "find", "/opt/gambit", "-name", "*.java", "-o", "-name", "*.gguf", "-o", "-name", "pom.xml", "-o",
                "-name", "jmods")));
    }

    @Test
    void itIsSmall() throws Exception {
        ServerContainer server = ServerContainer.shared();
        String bytes = output(server.execInContainer("sh", "-c", "tar c -C /opt/gambit . | gzip -6 | wc -c"));
        System.out.println("image beside its base, compressed, with the built-in model: " + bytes + " bytes");
        assertTrue(Long.parseLong(bytes) < LARGEST, bytes + " bytes");
    }

    @Test
    void theEngineSeesItHealthy() throws Exception {
        ServerContainer server = ServerContainer.shared();
        String status = "";
        for (int i = 0; i < 60 && !status.equals("healthy"); i++) {
            Thread.sleep(500);
            InspectContainerResponse seen = server.getDockerClient().inspectContainerCmd(server.getContainerId())
                    .exec();
            status = seen.getState().getHealth().getStatus();
        }
        assertEquals("healthy", status);
    }

    @Test
    void theImageOfAJetsonHasNoJcudaAndWrites() {
        try (GenericContainer<?> run =
                oneShot(Images.jetson(), "generate", "--backend", "cpu", "-p", "Once", "-n", "4", "-s", "1")) {
            run.start();
            assertTrue(run.getLogs(OutputType.STDOUT).startsWith("Once"), run.getLogs());
        }
        try (GenericContainer<?> run = new GenericContainer<>(DockerImageName.parse(Images.jetson()))
                .withCreateContainerCmdModifier(cmd -> cmd.withEntrypoint("ls", "/opt/gambit/lib").withCmd())
                .withStartupCheckStrategy(new OneShotStartupCheckStrategy())) {
            run.start();
            assertFalse(run.getLogs().contains("jcuda"), run.getLogs());
            assertTrue(run.getLogs().contains("gambit-engine"), run.getLogs());
        }
    }
}
