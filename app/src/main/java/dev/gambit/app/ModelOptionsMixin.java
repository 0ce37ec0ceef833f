package dev.gambit.app;

import dev.gambit.calibration.BudgetSearch;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.LoadListener;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.SpeedControl;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.FatRelu;
import dev.gambit.engine.sparsity.Sidecar;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * Which model to run and how: the options that all commands share which open one. Use it as
 * {@code @Mixin ModelOptionsMixin options}, and {@code try (LanguageModel model = options.open())}.
 */
public final class ModelOptionsMixin {

    /** The level of sparsity where thresholds are there and no level is named. */
    public static final double DEFAULT_SPARSITY = 0.5;

    /** Bytes of weights from which on copying them to a GPU shows a bar. */
    private static final long LONG_UPLOAD = 256L << 20;

    /** How the CHESS policies weigh a channel. */
    enum Importance {
        ABS, RMS
    }

    @Option(names = {"-m", "--model"}, paramLabel = "FILE",
            description = "GGUF file (default: " + EmbeddedModel.NAME + ", a story writer that comes with Gambit)")
    Path model;

    @Option(names = {"-c", "--ctx-size"}, paramLabel = "N", defaultValue = "0", converter = ContextSize.class,
            description = "tokens of context (default: 0, what the model was trained on)")
    int context;

    @Option(names = {"-t", "--threads"}, paramLabel = "N", defaultValue = "-1", converter = Threads.class,
            description = "threads (default: -1, all processors this process may use)")
    int threads;

    @Option(names = "--chess", paramLabel = "FILE",
            description = "thresholds that gambit calibrate found for the model: run it sparsely")
    Path chess;

    @Option(names = "--sparsity", paramLabel = "L|auto", converter = Level.class,
            description = "fraction of channels to skip, 0 to 0.95 (default: 0.5 where there are thresholds); auto: as "
                    + "little as --target-speed takes, chosen between tokens (generate and chat)")
    Double sparsity;

    @Option(names = "--budget", paramLabel = "B", split = ",",
            description = "fraction of the layers' weights a token may use, 0.05 to 1, by policy gambit: the same as "
                    + "--policy gambit --sparsity 1-B; calibrate takes several: it searches where weights are best spent "
                    + "and checks these budgets on a held-out part of the text")
    List<Double> budgets = List.of();

    @Option(names = "--target-speed", paramLabel = "X",
            description = "tokens a second to generate with --sparsity auto")
    Double targetSpeed;

    @Option(names = "--policy", paramLabel = "NAME",
            description = "a policy of the thresholds file: gambit, chess, chess-attn, cats, teal, wina, r-sparse "
                    + "(default: the file's)")
    String policy;

    @Option(names = "--importance", paramLabel = "abs|rms",
            description = "how policies chess and chess-attn weigh channels (default: rms)")
    Importance importance;

    @Option(names = "--fatrelu", paramLabel = "T",
            description = "for a model whose activation is ReLU: what the gate has to exceed (default: 0, its own zeros)")
    Double fatRelu;

    @Option(names = "--dense", description = "skip nothing, whatever thresholds there are")
    boolean dense;

    @Option(names = "--dense-prefill",
            description = "skip nothing while reading the prompt (generate and chat: always so for the built-in model)")
    boolean densePrefill;

    @Option(names = {"-ctk", "--cache-type-k"}, paramLabel = "TYPE", defaultValue = "f16", converter = CacheType.class,
            description = "how keys are kept: f32, f16 or q8_0 (default: f16)")
    KvCacheType cacheTypeK;

    @Option(names = {"-ctv", "--cache-type-v"}, paramLabel = "TYPE", defaultValue = "f16", converter = CacheType.class,
            description = "how values are kept: f32, f16 or q8_0 (default: f16)")
    KvCacheType cacheTypeV;

    @Option(names = "--backend", paramLabel = "auto|cpu|cuda", defaultValue = "auto",
            description = "what to run on (default: auto, a GPU that CUDA can use and that has room, else the CPU)")
    BackendChoice backend;

    @Option(names = "--cuda-driver", paramLabel = "ffm|jcuda", defaultValue = "ffm", converter = CudaDriver.class,
            description = "how CUDA is called: ffm (Java itself) or jcuda (default: ffm)")
    String cudaDriver;

    @Option(names = {"-v", "--verbose"}, description = "say more: times of loading, where an error came from")
    boolean verbose;

    // What llama.cpp's users often have in a command line, and what makes no difference on the CPU.
    @Option(names = {"-ngl", "--gpu-layers", "--n-gpu-layers"}, hidden = true, paramLabel = "N")
    private String gpuLayers;

    @Option(names = {"-fa", "--flash-attn"}, hidden = true, arity = "0..1", paramLabel = "on|off|auto")
    private String flashAttention;

    @Option(names = {"--mmap", "--no-mmap", "--mlock", "--no-repack"}, hidden = true)
    private boolean loading;

    /** Returns whether to say more. */
    public boolean verbose() {
        return verbose;
    }

    /** Returns whether the model is the one that comes with Gambit. */
    public boolean isEmbedded() {
        return model == null;
    }

    /** Returns the model file; null for the model that comes with Gambit. */
    public Path path() {
        return model;
    }

    /** Returns the level of sparsity that {@link #open} asks for; null where the model runs dense. */
    public Double level() {
        return level;
    }

    private Double level;
    private SpeedControl control;

    /** Returns whether the level is chosen between tokens. */
    public boolean isAutomatic() {
        return sparsity != null && sparsity.isNaN();
    }

    /**
     * Returns a listener that passes tokens on and, with {@code --sparsity auto}, chooses the session's level between them;
     * to be asked for anew for each generation.
     */
    GenerationListener controlled(Session session, GenerationListener listener) {
        if (!isAutomatic()) {
            return listener;
        }
        if (control == null) {
            control = new SpeedControl(targetSpeed, Math.min(SpeedControl.DEFAULT_MOST, session.maxSparsity()));
        }
        return control.listener(session, listener);
    }

    /** Returns the level that {@code --sparsity auto} is at, and what for; null where a level was asked for. */
    SpeedControl control() {
        return control;
    }

    private void checkTarget() {
        if (isAutomatic() && targetSpeed == null) {
            throw new GambitException(GambitException.line(
                    "--sparsity auto", "--target-speed with tokens a second", "none", "name a speed or a level"));
        }
        if (!isAutomatic() && targetSpeed != null) {
            throw new GambitException(GambitException.line(
                    "--target-speed", "--sparsity auto", sparsity == null ? "none" : text(sparsity),
                    "leave one of them out"));
        }
        if (targetSpeed != null && !(targetSpeed > 0 && targetSpeed < 1e9)) {
            throw new GambitException(GambitException.line(
                    "--target-speed", "tokens a second above 0", text(targetSpeed), "choose another number"));
        }
        if (isAutomatic() && dense) {
            throw new GambitException(GambitException.line(
                    "--sparsity auto", "no --dense", "--dense", "leave one of them out"));
        }
    }

    /** Returns the policy that was asked for, by its full name; null for the thresholds' own. */
    String policyName() {
        return budgets.isEmpty() ? policy(policy, importance) : BudgetSearch.POLICY;
    }

    /**
     * Opens the model to write text with these options. The built-in one reads its prompt densely: with half of its few
     * channels skipped it takes a prompt of four words for a question, and is done.
     *
     * @throws GambitException where the model, its thresholds or an option cannot be used
     */
    public LanguageModel openToWrite() {
        densePrefill |= model == null;
        checkTarget();
        return opened();
    }

    /**
     * Opens the model with these options.
     *
     * @throws GambitException where the model, its thresholds or an option cannot be used
     */
    public LanguageModel open() {
        if (isAutomatic() || targetSpeed != null) {
            throw new GambitException(GambitException.line(
                    "--sparsity auto and --target-speed", "generate or chat", "another command", "name a level"));
        }
        return opened();
    }

    private LanguageModel opened() {
        if (model == null) {
            level = dense ? null : level(chess != null || EmbeddedModel.hasThresholds());
            return EmbeddedModel.open(options().sparsity(asked()).build());
        }
        try (GgufFile file = Ahead.open(model)) {
            level = dense ? null : level(chess != null || Sidecar.isIn(file));
            ModelOptions.Builder builder = options().sparsity(asked());
            if (level == null && !dense && (fatRelu != null || FatRelu.fits(file))) {
                // its exact zeros need no reading, and nothing changes without it
                builder.thresholds(FatRelu.of(file, fatRelu == null ? 0 : fatRelu));
                level = 0.0;
            }
            return LanguageModel.open(file, builder.build());
        }
    }

    /** Opens the same model without sparsity, to compare with. */
    public LanguageModel openDense() {
        ModelOptions options = options().build();
        return model == null ? EmbeddedModel.open(options) : LanguageModel.open(model, options);
    }

    private ModelOptions.Builder options() {
        return ModelOptions.builder()
                .contextLength(context)
                .threads(threads)
                .cacheType(cacheTypeK, cacheTypeV)
                .densePrefill(densePrefill)
                .backend(backend)
                .cudaDriver(cudaDriver)
                .loadListener(uploadBar());
    }

    /** Says in one line what {@code auto} chose and why; nothing where a backend was asked for. */
    static void explainBackend(LanguageModel model, PrintStream err) {
        if (model.backendReason() != null) {
            err.println("backend: " + model.backendName() + ", because of " + model.backendReason());
        }
    }

    /** Shows a bar for what takes longer than a moment to copy. */
    private static LoadListener uploadBar() {
        ProgressOutput output = new ProgressOutput(null, System.err);
        return (bytes, all) -> {
            if (all >= LONG_UPLOAD) {
                output.progress("to the GPU", (int) (bytes >> 20), (int) (all >> 20));
            }
        };
    }

    private Double level(boolean thresholds) {
        if (!budgets.isEmpty()) {
            return budgetLevel();
        }
        // Weights are laid out for the default level where the level is yet to be found.
        return isAutomatic() || sparsity == null && (thresholds || policy != null || importance != null)
                ? (Double) DEFAULT_SPARSITY
                : sparsity;
    }

    private Sparsity asked() {
        return level == null ? null : sparsity(chess, policyName(), level);
    }

    /** Returns the level that is the budget in other words. */
    private double budgetLevel() {
        if (sparsity != null || importance != null || policy != null && !policy.equals(BudgetSearch.POLICY)) {
            throw new GambitException(GambitException.line(
                    "--budget", "policy " + BudgetSearch.POLICY + " and no --sparsity or --importance",
                    policy == null ? "one of these" : "policy " + policy, "leave the others out"));
        }
        if (budgets.size() > 1) {
            throw new GambitException(GambitException.line("--budget", "one", budgets.size(), "name one of them"));
        }
        double budget = budgets.getFirst();
        if (!(budget >= BudgetSearch.SMALLEST && budget <= 1)) {
            throw new GambitException(GambitException.line(
                    "--budget", BudgetSearch.SMALLEST + " to 1", text(budget),
                    "the nearest that can be met is " + (budget > 1 ? "1" : String.valueOf(BudgetSearch.SMALLEST))));
        }
        return 1 - budget;
    }

    /** Returns what to skip, after checking the level as an option. */
    static Sparsity sparsity(Path chess, String policy, double level) {
        if (!(level >= 0 && level <= 0.95)) {
            throw new GambitException(GambitException.line(
                    "--sparsity", "a number from 0 to 0.95", text(level), "choose a level in that range"));
        }
        return new Sparsity(chess, policy, level);
    }

    private static String text(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9 ? Long.toString((long) value) : Double.toString(
                value);
    }

    /** Returns a policy's full name: {@code chess} and {@code chess-attn} come with two kinds of importance. */
    static String policy(String name, Importance importance) {
        if (importance == null) {
            return name;
        }
        String base = name == null ? "chess" : name;
        if (!base.equals("chess") && !base.equals("chess-attn")) {
            throw new GambitException(GambitException.line(
                    "--importance", "policy chess or chess-attn", base, "leave --importance out"));
        }
        return base + (importance == Importance.RMS ? "-rms" : "-abs");
    }

    /** Checks a number that an option gave. */
    static int range(String option, long value, int min, int max) {
        if (value < min || value > max) {
            throw new GambitException(GambitException.line(
                    option, "a number from " + min + " to " + max, value, "choose one in that range"));
        }
        return (int) value;
    }

    /** Reads {@code --sparsity}; not a number for {@code auto}. */
    static final class Level implements ITypeConverter<Double> {
        @Override
        public Double convert(String value) {
            try {
                double level = value.equals("auto") ? Double.NaN : Double.parseDouble(value);
                if (Double.isNaN(level) && !value.equals("auto")) {
                    throw new NumberFormatException();
                }
                return level;
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + value + "' is not a double");
            }
        }
    }

    /** Reads {@code -c}. */
    static final class ContextSize implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String value) {
            return range("-c/--ctx-size", Long.parseLong(value), 0, 1 << 28);
        }
    }

    /** Reads {@code -t}, where 0 and less mean all processors. */
    static final class Threads implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String value) {
            return Math.max(0, range("-t/--threads", Long.parseLong(value), -1, 1024));
        }
    }

    /** Reads the name of a cache type. */
    static final class CacheType implements ITypeConverter<KvCacheType> {
        @Override
        public KvCacheType convert(String value) {
            return KvCacheType.of(value);
        }
    }

    /** Reads {@code --cuda-driver}. */
    static final class CudaDriver implements ITypeConverter<String> {
        @Override
        public String convert(String value) {
            if (!value.equals("ffm") && !value.equals("jcuda")) {
                throw new GambitException(
                        GambitException.line("--cuda-driver", "ffm or jcuda", value, "choose one of these"));
            }
            return value;
        }
    }
}
