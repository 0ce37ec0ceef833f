package dev.gambit.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What is known of the machine, for reports. */
final class Machine {

    private Machine() {}

    /** Returns the processor's name, or the architecture where the system does not tell. */
    static String processor() {
        for (String key : List.of("model name", "Model", "Hardware")) {
            String name = value(Path.of("/proc/cpuinfo"), key);
            if (name != null) {
                return name;
            }
        }
        String windows = System.getenv("PROCESSOR_IDENTIFIER");
        return windows == null ? System.getProperty("os.arch") : windows;
    }

    /** Returns the memory of the machine in words. */
    static String memory() {
        String total = value(Path.of("/proc/meminfo"), "MemTotal");
        String free = value(Path.of("/proc/meminfo"), "MemAvailable");
        return total == null ? "unknown" : bytes(total) + (free == null ? "" : ", " + bytes(free) + " free");
    }

    private static String bytes(String kilobytes) {
        try {
            return Numbers.bytes(Long.parseLong(kilobytes.replace(" kB", "").trim()) << 10);
        } catch (NumberFormatException e) {
            return kilobytes;
        }
    }

    private static String value(Path file, String key) {
        try {
            for (String line : Files.readAllLines(file)) {
                int colon = line.indexOf(':');
                if (colon > 0 && line.substring(0, colon).trim().equals(key)) {
                    return line.substring(colon + 1).trim();
                }
            }
        } catch (IOException | RuntimeException e) {
            // another system, or a sandbox
        }
        return null;
    }
}
