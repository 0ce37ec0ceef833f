package dev.gambit.example;

import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.Sparsity;
import java.nio.file.Path;

/** How a Java program writes a story with Gambit; the README's example, built and run by {@link ExampleTest}. */
public final class Example {

    private Example() {}

    /**
     * Generates a text.
     *
     * @param args a model file and, for running it sparsely, the sidecar that {@code gambit calibrate} made for it
     */
    public static void main(String[] args) {
        ModelOptions.Builder options = ModelOptions.builder().contextLength(512);
        if (args.length > 1) {
            options.sparsity(Sparsity.of(Path.of(args[1]), 0.5));
        }
        try (LanguageModel model = LanguageModel.open(Path.of(args[0]), options.build());
                Session session = model.session()) {
            GenerationOptions request = GenerationOptions.builder()
                    .maxTokens(64)
                    .sampling(SamplingOptions.greedy())
                    .build();
            GenerationResult result =
                    session.generate("Once upon a time", request, (token, text) -> System.out.print(text));
            System.out.println();
            System.out.println(result.timings().generatedPerSecond() + " tokens/s, active "
                    + result.sparsity().active());
        }
    }
}
