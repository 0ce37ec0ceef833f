package dev.gambit.app;

import dev.gambit.app.BenchPrinter.BenchColumns;
import dev.gambit.app.ModelOptionsMixin.Importance;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.cpu.KernelBenchmark;
import dev.gambit.engine.sparsity.Sidecar;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures speed as llama-bench does, dense and sparse in one table. */
@Command(
        name = "bench",
        description = {
            "Measures speed: prompts (pp), generation (tg), or generation over a real text (text).",
            "Options that take a list run every combination: -t 1,2 -d 0,512 --sparsity dense,0.5,0.7",
            "Random tokens say little about sparsity; -f with a text of the kind you will run does."
        },
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit bench [OPTION...]",
        addMethodSubcommands = false,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {

    @Option(names = {"-m", "--model"}, paramLabel = "FILE",
            description = "GGUF file; can be repeated (default: " + EmbeddedModel.NAME + ", which comes with Gambit)")
    private List<Path> models = new ArrayList<>();

    @Option(names = {"-p", "--n-prompt"}, paramLabel = "N,...", description = "tokens of a prompt (default: 512)")
    private List<String> prompts = new ArrayList<>();

    @Option(names = {"-n", "--n-gen"}, paramLabel = "N,...", description = "tokens to generate (default: 128)")
    private List<String> generated = new ArrayList<>();

    @Option(names = "-pg", paramLabel = "PP,TG", description = "a prompt and then a generation; can be repeated")
    private List<String> both = new ArrayList<>();

    @Option(names = {"-d", "--n-depth"}, paramLabel = "N,...",
            description = "tokens in the context before (default: 0)")
    private List<String> depths = new ArrayList<>();

    @Option(names = {"-f", "--file"}, paramLabel = "TEXT",
            description = "take the tokens from this text file; generation reads it token by token")
    private Path text;

    @Option(names = {"-r", "--repetitions"}, paramLabel = "N", defaultValue = "5",
            description = "times to run each test (default: 5)")
    private int repetitions;

    @Option(names = {"-o", "--output"}, paramLabel = "md|csv|json|jsonl", defaultValue = "md",
            description = "format (default: md)")
    private BenchPrinter.Format output;

    @Option(names = "--no-warmup", description = "time the first run, too: what a short-lived process sees")
    private boolean noWarmUp;

    @Option(names = {"-npl", "--parallel"}, paramLabel = "N,...",
            description = "several sequences at once, in llama-batched-bench's table (-p is then 128 unless it is given)")
    private List<String> parallel = new ArrayList<>();

    @Option(names = "--kernels",
            description = "the sparse kernels alone, over type, shape and skipped fraction, with the machine's read speed")
    private boolean kernels;

    @Option(names = "--reads",
            description = "the machine's read speed alone: in order, and random halves of runs of several lengths")
    private boolean reads;

    @Option(names = "--predict", paramLabel = "orin|orin-nx|orin-nano",
            description = "measure nothing: what to expect of a Jetson, from the bytes that the kernels load")
    private JetsonPrediction.Board predict;

    @Option(names = {"-t", "--threads"}, paramLabel = "N,...", description = "threads (default: all processors)")
    private List<String> threads = new ArrayList<>();

    @Option(names = "--chess", paramLabel = "FILE",
            description = "thresholds that gambit calibrate found for the model")
    private Path chess;

    @Option(names = "--sparsity", paramLabel = "L,...",
            description = "levels to run, dense for none (default: dense,0.5 where there are thresholds;"
                    + " dense,0 for a model of exact zeros)")
    private List<String> levels = new ArrayList<>();

    @Option(names = "--policy", paramLabel = "NAME,...",
            description = "policies to run (default: the thresholds file's)")
    private List<String> policies = new ArrayList<>();

    @Option(names = "--importance", paramLabel = "abs|rms",
            description = "for policies chess and chess-attn (default: rms)")
    private Importance importance;

    @Option(names = "--dense-prefill", description = "skip nothing while reading a prompt")
    private boolean densePrefill;

    @Option(names = {"-ctk", "--cache-type-k"}, paramLabel = "TYPE,...",
            description = "how keys are kept (default: f16)")
    private List<String> typesK = new ArrayList<>();

    @Option(names = {"-ctv", "--cache-type-v"}, paramLabel = "TYPE,...",
            description = "how values are kept (default: f16)")
    private List<String> typesV = new ArrayList<>();

    @Option(names = {"-b", "--batch-size"}, paramLabel = "N,...",
            description = "noted in the table only (default: 2048)")
    private List<String> batches = new ArrayList<>();

    @Option(names = {"-ub", "--ubatch-size"}, paramLabel = "N,...",
            description = "noted in the table only (default: 512)")
    private List<String> microBatches = new ArrayList<>();

    @Option(names = "--backend", paramLabel = "auto|cpu|cuda", defaultValue = "auto",
            description = "what to run on (default: auto, a GPU that CUDA can use and that has room, else the CPU)")
    private BackendChoice backend;

    @Option(names = "--cuda-driver", paramLabel = "ffm|jcuda", defaultValue = "ffm",
            converter = ModelOptionsMixin.CudaDriver.class,
            description = "how CUDA is called: ffm (Java itself) or jcuda (default: ffm)")
    private String cudaDriver;

    @Option(names = {"-v", "--verbose"}, description = "say where an error came from")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Option(names = {"-ngl", "--n-gpu-layers", "-fa", "--flash-attn", "-mmp", "--mmap"}, hidden = true,
            paramLabel = "N")
    private List<String> withoutEffect = new ArrayList<>();

    @Override
    public Integer call() {
        ModelOptionsMixin.range("-r/--repetitions", repetitions, 1, 100_000);
        if (predict != null) {
            JetsonPrediction.print(predict, System.out);
            return 0;
        }
        if (kernels || reads) {
            int n = numbers("-t", threads, "0", 0).getFirst();
            KernelBenchmark.run(
                    System.out,
                    n == 0 ? Runtime.getRuntime().availableProcessors() : n,
                    output == BenchPrinter.Format.CSV ? "csv" : "md",
                    reads);
            return 0;
        }
        String tokens = text == null ? null : Prompts.read(text);
        if (!parallel.isEmpty()) {
            parallel(tokens);
            return 0;
        }
        List<BenchTest> tests = tests();
        if (tests.isEmpty()) {
            throw new GambitException(GambitException.line(
                    "bench", "a test, such as -p 512 or -n 128", "none", "not all of -p, -n and -pg can be 0"));
        }
        BenchPrinter printer = BenchPrinter.of(output, System.out);
        printer.begin(columns(tests));
        new BenchRunner(repetitions, !noWarmUp, tokens, backend, cudaDriver).run(tests, printer::result);
        printer.end();
        return 0;
    }

    /** Several sequences at once: every combination of a model's setup, prompt, generation and number of sequences. */
    private void parallel(String tokens) {
        List<Integer> counts = BenchList.numbers("--parallel", parallel, 1);
        List<Integer> pp = numbers("-p", prompts, "128", 0);
        List<Integer> tg = numbers("-n", generated, "128", 0);
        if (output != BenchPrinter.Format.MD || !both.isEmpty() || !depths.isEmpty()) {
            throw new GambitException(GambitException.line(
                    "--parallel", "-p, -n and the table of -o md", "-o, -pg or -d", "leave those out"));
        }
        BenchParallel bench = new BenchParallel(System.out, repetitions, tokens);
        bench.begin();
        int context = java.util.Collections.max(pp) + java.util.Collections.max(tg);
        for (BenchTest.Setup setup : setups()) {
            try (LanguageModel model = new BenchRunner(1, false, tokens, backend, cudaDriver).open(setup, context)) {
                String sparsity = setup.sparsity() == null ? "dense" : setup.sparsity().toString();
                for (int p : pp) {
                    for (int n : tg) {
                        for (int count : counts) {
                            bench.run(model, sparsity, p, n, count);
                        }
                    }
                }
            }
        }
    }

    /** Every combination, in llama-bench's order, which opens each model as rarely as can be. */
    private List<BenchTest> tests() {
        List<BenchTest> tests = new ArrayList<>();
        for (BenchTest.Setup setup : setups()) {
            for (int batch : numbers("-b", batches, "2048", 1)) {
                for (int microBatch : numbers("-ub", microBatches, "512", 1)) {
                    for (int depth : numbers("-d", depths, "0", 0)) {
                        for (int[] size : sizes()) {
                            tests.add(new BenchTest(setup, batch, microBatch, size[0], size[1], depth, text != null));
                        }
                    }
                }
            }
        }
        return tests;
    }

    private List<BenchTest.Setup> setups() {
        Set<BenchTest.Setup> setups = new LinkedHashSet<>();
        for (Path model : models.isEmpty() ? java.util.Collections.<Path>singletonList(null) : models) {
            for (String level : levels(model)) {
                for (String policy : policies.isEmpty() ? List.of("") : BenchList.texts(policies)) {
                    for (String typeK : BenchList.texts(or(typesK, "f16"))) {
                        for (String typeV : BenchList.texts(or(typesV, "f16"))) {
                            for (int n : numbers("-t", threads, "0", 0)) {
                                setups.add(setup(model, level, policy, typeK, typeV, n));
                            }
                        }
                    }
                }
            }
        }
        return List.copyOf(setups);
    }

    private BenchTest.Setup setup(Path model, String level, String policy, String typeK, String typeV,
            int threadCount) {
        KvCacheType k = KvCacheType.of(typeK);
        KvCacheType v = KvCacheType.of(typeV);
        if (level.equalsIgnoreCase("dense")) {
            return new BenchTest.Setup(model, null, null, null, false, k, v, threadCount);
        }
        String name = ModelOptionsMixin.policy(policy.isEmpty() ? null : policy, importance);
        return new BenchTest.Setup(model, chess, name, level(level), densePrefill, k, v, threadCount);
    }

    private static Double level(String text) {
        try {
            return ModelOptionsMixin.sparsity(null, null, Double.parseDouble(text)).level();
        } catch (NumberFormatException e) {
            throw new GambitException(GambitException.line(
                    "--sparsity", "dense or a number from 0 to 0.95", "'" + text + "'", "correct it"));
        }
    }

    private List<String> levels(Path model) {
        if (!levels.isEmpty()) {
            return BenchList.texts(levels);
        }
        boolean thresholds = chess != null || !policies.isEmpty() || importance != null;
        List<String> usual = List.of("dense", Double.toString(ModelOptionsMixin.DEFAULT_SPARSITY));
        if (thresholds || model == null) {
            return thresholds || EmbeddedModel.hasThresholds() ? usual : List.of("dense");
        }
        try (GgufFile file = GgufFile.open(model)) {
            if (BenchRunner.skipsZeros(file)) {
                return List.of("dense", "0");
            }
            return Sidecar.isIn(file) ? usual : List.of("dense");
        }
    }

    /** Pairs of prompt and generation, without empty ones. */
    private List<int[]> sizes() {
        List<int[]> sizes = new ArrayList<>();
        for (int n : numbers("-p", prompts, "512", 0)) {
            sizes.add(new int[] {n, 0});
        }
        for (int n : numbers("-n", generated, "128", 0)) {
            sizes.add(new int[] {0, n});
        }
        for (String pair : both) {
            List<Integer> numbers = new ArrayList<>();
            for (String one : pair.split(",", -1)) {
                numbers.addAll(BenchList.numbers("-pg", List.of(one), 0));
            }
            if (numbers.size() != 2) {
                throw new GambitException(GambitException.line(
                        "-pg", "two numbers, such as 512,128", "'" + pair + "'", "correct it"));
            }
            sizes.add(new int[] {numbers.get(0), numbers.get(1)});
        }
        sizes.removeIf(size -> size[0] == 0 && size[1] == 0);
        return sizes;
    }

    private static List<Integer> numbers(String option, List<String> given, String otherwise, int min) {
        return BenchList.numbers(option, or(given, otherwise), min);
    }

    private static List<String> or(List<String> given, String otherwise) {
        return given.isEmpty() ? List.of(otherwise) : given;
    }

    private static BenchColumns columns(List<BenchTest> tests) {
        boolean sparse = tests.stream().anyMatch(t -> t.setup().sparsity() != null);
        return new BenchColumns(
                tests.stream().anyMatch(t -> t.batch() != 2048),
                tests.stream().anyMatch(t -> t.microBatch() != 512),
                tests.stream().anyMatch(t -> t.setup().typeK() != KvCacheType.F16),
                tests.stream().anyMatch(t -> t.setup().typeV() != KvCacheType.F16),
                tests.stream().anyMatch(t -> t.setup().policy() != null),
                sparse);
    }
}
