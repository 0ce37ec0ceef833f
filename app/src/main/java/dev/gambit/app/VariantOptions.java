package dev.gambit.app;

import dev.gambit.app.ModelOptionsMixin.Importance;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Sidecar;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Which model to compare with itself, run in several ways: the options of commands that compare policies and levels. */
final class VariantOptions {

    @Option(names = {"-m", "--model"}, paramLabel = "FILE",
            description = "GGUF file (default: " + EmbeddedModel.NAME + ", which comes with Gambit)")
    private Path model;

    @Option(names = "--chess", paramLabel = "FILE",
            description = "thresholds that gambit calibrate found for the model")
    private Path chess;

    @Option(names = "--sparsity", paramLabel = "L,...",
            description = "levels to run; dense is always run, to compare with")
    private List<String> levels = new ArrayList<>();

    @Option(names = "--policy", paramLabel = "NAME,...", description = "policies to run")
    private List<String> policies = new ArrayList<>();

    @Option(names = "--importance", paramLabel = "abs|rms",
            description = "for policies chess and chess-attn (default: rms)")
    private Importance importance;

    @Option(names = {"-c", "--ctx-size"}, paramLabel = "N", defaultValue = "0",
            converter = ModelOptionsMixin.ContextSize.class, description = "tokens of context")
    private int context;

    @Option(names = {"-t", "--threads"}, paramLabel = "N", defaultValue = "-1",
            converter = ModelOptionsMixin.Threads.class,
            description = "threads (default: -1, all processors this process may use)")
    private int threads;

    @Option(names = {"-ctk", "--cache-type-k"}, paramLabel = "TYPE", defaultValue = "f16",
            converter = ModelOptionsMixin.CacheType.class,
            description = "how keys are kept: f32, f16 or q8_0 (default: f16)")
    private KvCacheType cacheTypeK;

    @Option(names = {"-ctv", "--cache-type-v"}, paramLabel = "TYPE", defaultValue = "f16",
            converter = ModelOptionsMixin.CacheType.class,
            description = "how values are kept: f32, f16 or q8_0 (default: f16)")
    private KvCacheType cacheTypeV;

    @Option(names = "--backend", paramLabel = "auto|cpu|cuda", defaultValue = "auto",
            description = "what to run on (default: auto, a GPU that CUDA can use and that has room, else the CPU)")
    private BackendChoice backend;

    @Option(names = "--cuda-driver", paramLabel = "ffm|jcuda", defaultValue = "ffm",
            converter = ModelOptionsMixin.CudaDriver.class,
            description = "how CUDA is called: ffm (Java itself) or jcuda (default: ffm)")
    private String cudaDriver;

    @Option(names = {"-v", "--verbose"}, description = "say where an error came from")
    private boolean verbose;

    @Option(names = {"-ngl", "--gpu-layers", "--n-gpu-layers"}, hidden = true, paramLabel = "N")
    private String gpuLayers;

    /** Returns the context asked for; 0 where none is. */
    int context() {
        return context;
    }

    /** Returns the threads asked for; 0 for all processors. */
    int threads() {
        return threads;
    }

    /** Returns the types of the keys' and the values' cache. */
    String cache() {
        return cacheTypeK + " " + cacheTypeV;
    }

    /** Returns the model file; null for the model that comes with Gambit. */
    Path path() {
        return model;
    }

    /** Returns the thresholds' file; null where the model brings them along. */
    Path chess() {
        return chess;
    }

    /** Returns the thresholds that there are; null for none. */
    Sidecar sidecar() {
        if (model == null && chess == null) {
            return EmbeddedModel.hasThresholds() ? EmbeddedModel.sidecar() : null;
        }
        if (model == null) {
            throw new GambitException(GambitException.line(
                    "--chess", "a model beside it", "none", "name the model with -m"));
        }
        try (GgufFile file = GgufFile.open(model)) {
            return chess != null ? Sidecar.open(chess, file) : Sidecar.isIn(file) ? Sidecar.read(file, file) : null;
        }
    }

    /**
     * Returns the policies asked for, under their full names.
     *
     * @param sidecar what there is; null for nothing
     * @param otherwise those to take where none is named
     * @throws GambitException for one that is not there
     */
    List<String> policies(Sidecar sidecar, List<String> otherwise) {
        List<String> names = new ArrayList<>();
        for (String name : policies.isEmpty() && importance == null ? otherwise
                : policies.isEmpty() ? List.of("chess") : BenchList.texts(policies)) {
            String full = ModelOptionsMixin.policy(name, importance);
            if (sidecar != null && !sidecar.policies().contains(full)) {
                throw new GambitException(GambitException.line(
                        "--policy", "some of " + String.join(", ", sidecar.policies()), full, "choose among these"));
            }
            if (!names.contains(full)) {
                names.add(full);
            }
        }
        return names;
    }

    /** Returns the levels asked for, without {@code dense}. */
    List<Double> levels(List<Double> otherwise) {
        if (levels.isEmpty()) {
            return otherwise;
        }
        List<Double> numbers = new ArrayList<>();
        for (String text : BenchList.texts(levels)) {
            if (!text.equalsIgnoreCase("dense")) {
                numbers.add(level(text));
            }
        }
        return numbers;
    }

    private static double level(String text) {
        try {
            return ModelOptionsMixin.sparsity(null, null, Double.parseDouble(text)).level();
        } catch (NumberFormatException e) {
            throw new GambitException(GambitException.line(
                    "--sparsity", "dense or a number from 0 to 0.95", "'" + text + "'", "correct it"));
        }
    }

    /** Returns whether levels or policies are named. */
    boolean asksForSparsity() {
        return !levels.isEmpty() || !policies.isEmpty() || importance != null;
    }

    /** Returns every policy at every level, the dense model before them. */
    static List<Variant> variants(List<String> policies, List<Double> levels) {
        List<Variant> variants = new ArrayList<>(List.of(Variant.DENSE));
        for (String policy : policies) {
            levels.forEach(level -> variants.add(new Variant(policy, level)));
        }
        return variants;
    }

    /** Returns the model's tokenizer without opening the model; null for the model that comes with Gambit. */
    Tokenizer tokenizer() {
        if (model == null) {
            return null;
        }
        try (GgufFile file = GgufFile.open(model)) {
            return Tokenizer.from(file.metadata());
        }
    }

    /** Returns the positions a model was trained on. */
    int trainedContext() {
        try (GgufFile file = GgufFile.open(model)) {
            String architecture = file.metadata().requireString("general.architecture");
            return file.metadata().requireInt(architecture + ".context_length", 1, Integer.MAX_VALUE);
        }
    }

    /**
     * Opens the model as a variant runs it.
     *
     * @param positions of context; 0 for what the model was trained on
     */
    LanguageModel open(Variant variant, int positions) {
        ModelOptionsMixin options = new ModelOptionsMixin();
        options.model = model;
        options.context = positions;
        options.threads = threads;
        options.cacheTypeK = cacheTypeK;
        options.cacheTypeV = cacheTypeV;
        options.backend = backend;
        options.cudaDriver = cudaDriver;
        if (variant.isDense()) {
            return options.openDense();
        }
        options.chess = chess;
        options.policy = variant.policy();
        options.sparsity = variant.level();
        return options.open();
    }
}
