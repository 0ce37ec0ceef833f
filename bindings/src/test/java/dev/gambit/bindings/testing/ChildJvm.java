package dev.gambit.bindings.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a class in a Java of its own, where what this one has loaded is not there. */
public final class ChildJvm {

    private ChildJvm() {}

    /**
     * Runs a class, which must end well.
     *
     * @param options of the virtual machine
     * @param arguments the class's name and its arguments
     * @return what it printed, errors too
     * @throws IOException if it cannot be started
     * @throws InterruptedException if this thread is interrupted
     */
    public static String run(List<String> options, String... arguments) throws IOException, InterruptedException {
        String java = System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
        return run(List.of(java), 60, options, arguments);
    }

    /**
     * Runs a class with another Java.
     *
     * @param java the command
     * @param seconds how long it may take
     * @param options of the virtual machine
     * @param arguments the class's name and its arguments
     * @return what it printed, errors too
     * @throws IOException if it cannot be started
     * @throws InterruptedException if this thread is interrupted
     */
    public static String run(List<String> java, int seconds, List<String> options, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of("-Xshare:auto", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(Arrays.asList(arguments));
        Path output = Files.createTempFile("child", ".log");
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            String said = Files.readString(output);
            assertTrue(ended, () -> "still running after " + seconds + " s: " + said);
            assertEquals(0, process.exitValue(), said);
            return said;
        } finally {
            Files.delete(output);
        }
    }
}
