package dev.gambit.langchain4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import java.nio.file.Files;
import java.nio.file.Path;

/** The models that the tests run. */
final class Models {

    private Models() {}

    /** Opens SmolLM2-135M-Instruct, which follows instructions, from the shared folder; skips the test where it is not. */
    static LanguageModel smolLm2() {
        String named = System.getProperty("gambit.shared");
        Path found = null;
        for (String folder : named != null ? new String[] {named} : new String[] {"../shared", "../../shared"}) {
            Path file = Path.of(folder, "models", "SmolLM2-135M-Instruct.Q4_1.gguf");
            if (Files.exists(file)) {
                found = file;
            }
        }
        assumeTrue(found != null, "no models/SmolLM2-135M-Instruct.Q4_1.gguf in a shared folder (-Dgambit.shared)");
        return LanguageModel.open(
                found, ModelOptions.builder().contextLength(1024).backend(BackendChoice.CPU).build());
    }
}
