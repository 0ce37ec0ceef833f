package dev.gambit.app;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelInfo;

/** Names models as llama.cpp describes them: architecture, size class, type. */
final class BenchModel {

    private BenchModel() {}

    static String describe(LanguageModel model) {
        ModelInfo info = model.info();
        return info.architecture() + " " + size(info, model.tokenizer().vocabularySize()) + " " + info.type();
    }

    /** The size class, which llama.cpp takes from the number of layers; {@code ?B} where it knows none. */
    private static String size(ModelInfo info, int vocabulary) {
        if (!info.architecture().equals("llama")) {
            return "?B";
        }
        return switch (info.layers()) {
            case 16, 22 -> "1B";
            case 26, 28 -> "3B";
            case 30 -> "256M";
            case 32 -> vocabulary == 49_152 ? "3B" : vocabulary < 40_000 ? "7B" : "8B";
            case 36 -> "8B";
            case 40 -> "13B";
            case 48 -> "34B";
            case 60 -> "30B";
            case 80 -> "70B";
            default -> "?B";
        };
    }
}
