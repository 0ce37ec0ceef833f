package dev.gambit.app;

import dev.gambit.calibration.CalibrationText;
import dev.gambit.calibration.EvaluationTask;
import dev.gambit.calibration.LayerError;
import dev.gambit.calibration.TaskEvaluation;
import dev.gambit.calibration.TokenWindows;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gambit evaluate}: multiple-choice tasks as lm-evaluation-harness scores them, and the layers' output error. */
@Command(
        name = "evaluate",
        description = {
            "Measures accuracy on multiple-choice tasks, dense and sparse on the same items, as lm-evaluation-harness does.",
            "With --layer-error instead: how much of the FFNs' output each policy's masks lose, and how little any could."
        },
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = {
            "gambit evaluate [-m MODEL] --tasks PATH... [--chess FILE --policy NAME,... --sparsity L,...] [OPTION...]",
            "       gambit evaluate [-m MODEL] --layer-error -f TEXT... --chess FILE [OPTION...]"
        },
        sortOptions = false)
final class EvaluateCommand implements Callable<Integer> {

    private static final int WINDOW = 512;

    /** What CHESS's authors compare. */
    private static final List<String> FFN_POLICIES = List.of("cats", "chess-abs", "chess-rms");

    @Option(names = "--tasks", paramLabel = "PATH", arity = "1..*",
            description = "tasks: files of JSON lines, or folders of them; a task is called as its file")
    private List<Path> tasks = List.of();

    @Option(names = {"--task-names", "--tasks-names"}, paramLabel = "NAME,...",
            description = "which of these tasks (default: all)")
    private List<String> names = new ArrayList<>();

    @Option(names = {"-L", "--limit"}, paramLabel = "N",
            description = "items of each task, from its start (default: all)")
    private int limit;

    @Option(names = "--layer-error",
            description = "the relative squared error of the input of down, layer by layer, on a text (-f)")
    private boolean layerError;

    @Option(names = {"-f", "--file"}, paramLabel = "TEXT", arity = "1..*",
            description = "text for --layer-error: plain, or .jsonl with a field \"text\"")
    private List<Path> files = List.of();

    @Option(names = "--chunks", paramLabel = "N", defaultValue = "16",
            description = "windows of the text to use at most; 0 for all (default: 16)")
    private int chunks;

    @Option(names = {"-o", "--output", "--output-format"}, paramLabel = "md|csv|json", defaultValue = "md",
            description = "format (default: md)")
    private EvaluationPrinter.Format output;

    @Option(names = "--progress", paramLabel = "STYLE",
            description = "bar, json or none on the error stream (default: bar on a terminal)")
    private ProgressOutput.Style progress;

    @Mixin
    private VariantOptions options;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Override
    public Integer call() {
        ModelOptionsMixin.range("-L/--limit", limit, 0, Integer.MAX_VALUE);
        if (layerError) {
            layers();
        } else {
            tasks();
        }
        return 0;
    }

    private void tasks() {
        if (tasks.isEmpty()) {
            throw new GambitException(GambitException.line("--tasks", "files or a folder of tasks", "nothing",
                    "name them; see gambit evaluate --help"));
        }
        List<EvaluationTask> asked = new ArrayList<>(
                EvaluationTask.read(tasks, names.isEmpty() ? List.of() : BenchList.texts(names)));
        asked.replaceAll(t -> t.limit(limit));
        List<Variant> variants = variants();
        int context = context(options, asked);
        ProgressOutput bar = new ProgressOutput(progress, System.err);
        int items = TaskEvaluation.items(asked);
        List<EvaluationRun> runs = new ArrayList<>();
        for (int v = 0; v < variants.size(); v++) {
            int before = v * items;
            try (LanguageModel model = options.open(variants.get(v), context)) {
                if (v == 0) {
                    ModelOptionsMixin.explainBackend(model, System.err);
                }
                TaskEvaluation.Result r = TaskEvaluation.run(
                        model, asked,
                        (task, done, total) -> bar.progress("evaluate", before + done, variants.size() * items));
                runs.add(new EvaluationRun(variants.get(v), r, model.info().name(), model.backendName()));
            }
        }
        EvaluationPrinter.of(output, System.out).print(runs, limit);
    }

    private List<Variant> variants() {
        Sidecar sidecar = options.sidecar();
        if (sidecar == null && options.asksForSparsity() && !options.levels(List.of(0.5)).isEmpty()) {
            throw new GambitException(GambitException.line(
                    "--sparsity", "thresholds", "none", "name them with --chess, or make them with gambit calibrate"));
        }
        if (sidecar == null) {
            return List.of(Variant.DENSE);
        }
        return VariantOptions.variants(
                options.policies(sidecar, List.of(sidecar.defaultPolicy())),
                options.levels(List.of(ModelOptionsMixin.DEFAULT_SPARSITY)));
    }

    /** Returns what the longest item needs and the model was trained on; 0 to leave it to the model. */
    static int context(VariantOptions options, List<EvaluationTask> tasks) {
        if (options.context() > 0) {
            return options.context();
        }
        Tokenizer tokenizer = options.tokenizer();
        return tokenizer == null ? 0
                : Math.min(TaskEvaluation.longest(tokenizer, tasks), options.trainedContext());
    }

    private void layers() {
        Sidecar sidecar = options.sidecar();
        if (sidecar == null || files.isEmpty()) {
            throw new GambitException(GambitException.line(
                    "--layer-error", "thresholds (--chess) and a text (-f)",
                    sidecar == null ? "no thresholds" : "no text", "name both"));
        }
        List<Double> levels = options.levels(List.of(ModelOptionsMixin.DEFAULT_SPARSITY));
        List<String> text = CalibrationText.read(files);
        int window = options.context() == 0 ? WINDOW : options.context();
        List<LayerError.Result> results = new ArrayList<>();
        ProgressOutput bar = new ProgressOutput(progress, System.err);
        try (LanguageModel model = options.open(Variant.DENSE, window)) {
            TokenWindows windows = TokenWindows.of(model.tokenizer(), text, window, Math.max(0, chunks));
            for (int i = 0; i < levels.size(); i++) {
                int before = i * windows.count();
                results.add(LayerError.measure(
                        model, windows, masks(sidecar, levels.get(i)), levels.get(i),
                        (stage, done, total) -> bar.progress(stage, before + done, levels.size() * total)));
            }
        }
        LayerErrorPrinter.print(output, results, System.out);
    }

    /** The policies whose masks in the FFN come behind the gate; one of several that are alike. */
    private List<LayerError.Mask> masks(Sidecar sidecar, double level) {
        List<String> otherwise = FFN_POLICIES.stream().filter(sidecar.policies()::contains).toList();
        List<String> policies = options.policies(sidecar, otherwise.isEmpty() ? sidecar.policies() : otherwise);
        List<LayerError.Mask> masks = new ArrayList<>();
        for (String policy : policies) {
            Thresholds t = sidecar.thresholds(policy, level);
            LayerError.Mask mask = new LayerError.Mask(policy, t);
            if (mask.isUsable()) {
                masks.add(mask);
            }
        }
        if (masks.isEmpty()) {
            throw new GambitException(GambitException.line(
                    "--layer-error", "a policy that masks the FFN behind its gate alone",
                    String.join(", ", policies), "choose another with --policy; one that masks the FFN's input changes "
                            + "the gate, too"));
        }
        return masks;
    }
}
