package dev.gambit.engine.testing;

import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Generates greedily: {@code GenerateMain MODEL TOKENS PROMPT...}. Prints the backend, then for each prompt a line of token
 * ids, separated by commas.
 */
public final class GenerateMain {

    private GenerateMain() {}

    public static void main(String[] args) {
        ModelOptions options = ModelOptions.builder()
                .threads(2)
                .contextLength(256)
                .cacheType(KvCacheType.F32, KvCacheType.F32)
                .build();
        GenerationOptions generation = GenerationOptions.builder()
                .maxTokens(Integer.parseInt(args[1]))
                .sampling(SamplingOptions.greedy())
                .build();
        try (LanguageModel model = LanguageModel.open(Path.of(args[0]), options)) {
            System.out.println(model.backendName());
            for (int i = 2; i < args.length; i++) {
                try (Session session = model.session()) {
                    GenerationResult result = session.generate(args[i], generation, GenerationListener.NONE);
                    System.out.println(Arrays.stream(result.tokens())
                            .mapToObj(Integer::toString)
                            .collect(Collectors.joining(",")));
                }
            }
        }
    }
}
