package dev.gambit.engine.testing;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A Java program in a process of its own, on the class path of the tests.
 *
 * @param exitCode its exit code
 * @param out what it wrote to its output
 * @param err what it wrote to its error output
 */
public record ChildJvm(int exitCode, String out, String err) {

    /** Runs a class of the tests with this JVM's Java and the given JVM options, for two minutes at most. */
    public static ChildJvm run(List<String> options, Class<?> main, String... arguments) {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        return command(List.of(java.toString()), options, main, arguments);
    }

    /** Runs a class of the tests with another launcher. */
    public static ChildJvm command(List<String> java, List<String> options, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(java);
        command.addAll(options);
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(main.getName());
        command.addAll(List.of(arguments));
        try {
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            Process process = builder.start();
            process.getOutputStream().close();
            CompletableFuture<String> out = read(process.getInputStream());
            CompletableFuture<String> err = read(process.getErrorStream());
            if (!process.waitFor(120, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("still running after two minutes: " + command + "\n" + out.join() + err
                        .join());
            }
            return new ChildJvm(process.exitValue(), out.join(), err.join());
        } catch (IOException e) {
            throw new AssertionError(String.valueOf(command), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private static CompletableFuture<String> read(InputStream in) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                return "[" + e + "]";
            }
        });
    }

    /** Returns the lines of its output; fails with everything it said where it did not end well. */
    public List<String> lines() {
        if (exitCode != 0) {
            throw new AssertionError("exit code " + exitCode + "\n" + out + err);
        }
        return out.lines().toList();
    }
}
