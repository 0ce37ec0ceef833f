package dev.gambit.engine;

import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;

/**
 * What kind of model a file holds, for reports.
 *
 * @param file the file's name
 * @param name {@code general.name}, or the file's name
 * @param architecture {@code general.architecture}
 * @param type the weights' type as llama.cpp names it, such as {@code Q4_1}
 * @param parameters number of weights
 * @param bytes bytes of all tensors in the file
 * @param layers number of layers
 * @param trainedContext positions it was trained on
 */
public record ModelInfo(
        String file,
        String name,
        String architecture,
        String type,
        long parameters,
        long bytes,
        int layers,
        int trainedContext) {

    /** Names of {@code general.file_type}, llama.cpp's {@code llama_ftype}; null where a number is not in use. */
    private static final String[] FILE_TYPES = {
        "all F32", "F16", "Q4_0", "Q4_1", null, null, null, "Q8_0", "Q5_0", "Q5_1", "Q2_K - Medium", "Q3_K - Small",
        "Q3_K - Medium", "Q3_K - Large", "Q4_K - Small", "Q4_K - Medium", "Q5_K - Small", "Q5_K - Medium", "Q6_K"
    };

    static ModelInfo of(GgufFile file) {
        GgufMetadata m = file.metadata();
        long parameters = 0;
        long bytes = 0;
        GgufTensor largest = null;
        for (GgufTensor t : file.tensors()) {
            parameters += t.elements();
            bytes += t.byteSize();
            if (t.name().startsWith("blk.") && (largest == null || t.elements() > largest.elements())) {
                largest = t;
            }
        }
        long number = m.integer("general.file_type", -1);
        String type = number == 32
                ? "BF16"
                : number >= 0 && number < FILE_TYPES.length && FILE_TYPES[(int) number] != null
                        ? FILE_TYPES[(int) number]
                : largest == null ? "unknown" : largest.type().name();
        String fileName = file.path().getFileName().toString();
        return new ModelInfo(
                fileName,
                m.string("general.name", fileName),
                m.requireString("general.architecture"),
                type,
                parameters,
                bytes,
                m.requireInt(m.requireString("general.architecture") + ".block_count", 1, 10_000),
                m.requireInt(
                        m.requireString("general.architecture") + ".context_length", 1, Integer.MAX_VALUE));
    }
}
