package dev.gambit.app;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells how long ago the process started, before there was a JVM to look at the clock. */
final class ProcessClock {

    /** What {@code sysconf(_SC_CLK_TCK)} is on every Linux that runs Java. */
    private static final int TICKS_PER_SECOND = 100;
    /** The field of {@code /proc/self/stat} with the start time, counted from behind the command's name. */
    private static final int START_TIME = 19;

    private ProcessClock() {}

    /**
     * Returns the milliseconds since the process started, to about ten; the launcher is part of it, as the JVM takes its
     * place.
     */
    static double millis() {
        long now = System.nanoTime();
        double jvm = System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
        try {
            double uptime = Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            double process = 1e3 * (uptime - Double.parseDouble(fields[START_TIME]) / TICKS_PER_SECOND);
            // some sandboxes make these files up
            return (process >= jvm - 20 && process < jvm + 60_000 ? process : jvm) - (System.nanoTime() - now) / 1e6;
        } catch (IOException | RuntimeException e) {
            return jvm;
        }
    }
}
