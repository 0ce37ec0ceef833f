package dev.gambit.engine.testing;

import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Opens a model, generates and closes it, again and again: {@code OpenCloseMain MODEL CYCLES}. Prints, after each cycle,
 * resident memory in KiB, mappings, threads and open files of the process (Linux).
 */
public final class OpenCloseMain {

    private OpenCloseMain() {}

    public static void main(String[] args) throws IOException {
        GenerationOptions options = GenerationOptions.builder()
                .maxTokens(3)
                .ignoreEndOfGeneration(true)
                .sampling(SamplingOptions.greedy())
                .build();
        ModelOptions model = ModelOptions.builder().threads(3).build();
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            LanguageModel m = LanguageModel.open(Path.of(args[0]), model);
            // Every other time the session is left for the model to close.
            Session s = m.session();
            s.generate("Once upon a time", options, GenerationListener.NONE);
            if (i % 2 == 0) {
                s.close();
            }
            m.close();
            System.gc();
            System.out.println(status("VmRSS:") + " " + count("/proc/self/maps") + " " + status("Threads:") + " "
                    + files());
        }
    }

    private static long status(String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElseThrow();
    }

    private static long count(String file) throws IOException {
        return Files.readAllLines(Path.of(file)).size();
    }

    private static long files() throws IOException {
        try (var list = Files.list(Path.of("/proc/self/fd"))) {
            return list.count();
        }
    }
}
