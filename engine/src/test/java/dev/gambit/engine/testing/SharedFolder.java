package dev.gambit.engine.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of reference material beside the project; tests that need it are skipped where it is not. */
public final class SharedFolder {

    private SharedFolder() {}

    /** Returns the folder: {@code -Dgambit.shared}, else beside the project; null where there is none. */
    public static Path find() {
        String named = System.getProperty("gambit.shared");
        if (named != null) {
            return Path.of(named);
        }
        for (String place : new String[] {"../shared", "../../shared"}) {
            Path folder = Path.of(place).toAbsolutePath().normalize();
            if (Files.isDirectory(folder.resolve("reference"))) {
                return folder;
            }
        }
        return null;
    }

    /** Returns a file of it; skips the test where it is not there. */
    public static Path require(String file) {
        Path folder = find();
        assumeTrue(folder != null, "no shared folder (-Dgambit.shared), wanted for " + file);
        Path path = folder.resolve(file);
        assumeTrue(Files.exists(path), file + " is missing in the shared folder");
        return path;
    }

    /** Returns SmolLM2-135M; skips the test where it is not there. */
    public static Path smolLm2() {
        return require("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    }
}
