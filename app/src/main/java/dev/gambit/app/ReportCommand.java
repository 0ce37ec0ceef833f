package dev.gambit.app;

import dev.gambit.calibration.CalibrationText;
import dev.gambit.calibration.EvaluationTask;
import dev.gambit.calibration.TokenWindows;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.report.Report;
import dev.gambit.report.Sweep;
import dev.gambit.report.SweepFile;
import dev.gambit.report.SweepHeader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gambit report}: a sweep of policies over levels, its pictures and its page. */
@Command(
        name = "report",
        description = {
            "Runs policies over levels and makes one page of it, with pictures: KL divergence and perplexity over the weights",
            "used, what was skipped layer by layer, speed, and tasks. Run again, it goes on where it was."
        },
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit report [-m MODEL --chess FILE] -f TEXT... -o FOLDER [--tasks PATH...] [OPTION...]",
        sortOptions = false)
final class ReportCommand implements Callable<Integer> {

    private static final int WINDOW = 512;
    private static final List<Double> LEVELS = List.of(0.2, 0.3, 0.4, 0.5, 0.6, 0.7);
    private static final List<Double> TASK_LEVELS = List.of(0.3, 0.5, 0.7);

    /** Where two policies' thresholds are alike at this level, they are one under two names. */
    private static final double COMPARED_AT = 0.5;

    @Option(names = {"-f", "--file"}, paramLabel = "TEXT", arity = "1..*",
            description = "text to measure on, not the one it was calibrated on: plain, or .jsonl with a field \"text\"")
    private List<Path> files = List.of();

    @Option(names = {"-o", "--output"}, paramLabel = "FOLDER", description = "where the page and its pictures go")
    private Path output;

    @Option(names = "--chunks", paramLabel = "N", defaultValue = "16",
            description = "windows of the text to use at most; 0 for all (default: 16)")
    private int chunks;

    @Option(names = "--tasks", paramLabel = "PATH", arity = "1..*",
            description = "also tasks: files of JSON lines, or folders of them")
    private List<Path> tasks = List.of();

    @Option(names = {"--task-names", "--tasks-names"}, paramLabel = "NAME,...",
            description = "which of these tasks (default: all)")
    private List<String> taskNames = new ArrayList<>();

    @Option(names = {"-L", "--limit"}, paramLabel = "N",
            description = "items of each task, from its start (default: all)")
    private int limit;

    @Option(names = "--task-sparsity", paramLabel = "L,...",
            description = "levels to run on the tasks (default: 0.3,0.5,0.7)")
    private List<String> taskLevels = new ArrayList<>();

    @Option(names = "--task-policy", paramLabel = "NAME,...",
            description = "policies to run on the tasks (default: all)")
    private List<String> taskPolicies = new ArrayList<>();

    @Option(names = "--no-speed", description = "do not measure speed: for machines that others use")
    private boolean noSpeed;

    @Option(names = "--progress", paramLabel = "STYLE",
            description = "bar, json or none on the error stream (default: bar on a terminal)")
    private ProgressOutput.Style progress;

    @Mixin
    private VariantOptions options;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Report.requireDesktop();
        ModelOptionsMixin.range("-L/--limit", limit, 0, Integer.MAX_VALUE);
        if (files.isEmpty() || output == null) {
            throw new GambitException(GambitException.line(
                    "report", "a text (-f) and a folder (-o)", files.isEmpty() ? "no text" : "no folder", "name both"));
        }
        Sidecar sidecar = options.sidecar();
        if (sidecar == null) {
            throw new GambitException(GambitException.line(
                    "--chess", "thresholds", "none", "name them, or make them with gambit calibrate"));
        }
        List<EvaluationTask> asked = new ArrayList<>();
        if (!tasks.isEmpty()) {
            asked.addAll(EvaluationTask.read(tasks, taskNames.isEmpty() ? List.of() : BenchList.texts(taskNames)));
            asked.replaceAll(t -> t.limit(limit));
        }
        List<Sweep.Variant> variants = variants(sidecar);
        List<String> text = CalibrationText.read(files);
        int window = options.context() == 0 ? WINDOW : options.context();
        int context = asked.isEmpty() ? window : Math.max(window, EvaluateCommand.context(options, asked));
        folder();
        try (LanguageModel dense = options.open(Variant.DENSE, context)) {
            ModelOptionsMixin.explainBackend(dense, System.err);
            TokenWindows windows = TokenWindows.of(dense.tokenizer(), text, window, Math.max(0, chunks));
            SweepHeader header = header(dense, text, windows);
            SweepFile file = SweepFile.open(output.resolve("sweep.jsonl"), header);
            Sweep sweep = new Sweep(
                    file, windows, variants, asked, !noSpeed, options.threads(),
                    (policy, level) -> options.open(new Variant(policy, level), context),
                    new ProgressOutput(progress, System.err));
            sweep.run(output.resolve("dense.kld"), dense);
            new Report(header, file, facts(dense)).write(output);
        }
        System.out.println("wrote " + output.resolve("index.html"));
        return 0;
    }

    private void folder() {
        try {
            Files.createDirectories(output);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    output.toString(), "a folder that can be made", String.valueOf(e.getMessage()), "name another"), e);
        }
    }

    // --- what to run -------------------------------------------------------------------------------------------------

    private List<Sweep.Variant> variants(Sidecar sidecar) {
        List<String> policies = options.policies(sidecar, distinct(sidecar));
        List<Double> onTasks = taskLevels.isEmpty() ? TASK_LEVELS : levels(taskLevels);
        List<String> policiesOnTasks = taskPolicies.isEmpty() ? policies : BenchList.texts(taskPolicies);
        for (String policy : policiesOnTasks) {
            if (!policies.contains(policy)) {
                throw new GambitException(GambitException.line(
                        "--task-policy", "some of " + String.join(", ", policies), policy, "choose among these"));
            }
        }
        List<Sweep.Variant> variants = new ArrayList<>();
        for (String policy : policies) {
            for (double level : options.levels(LEVELS)) {
                sidecar.thresholds(policy, level); // before hours are spent, not after
                variants.add(new Sweep.Variant(
                        policy, level, onTasks.contains(level) && policiesOnTasks.contains(policy)));
            }
        }
        return variants;
    }

    private static List<Double> levels(List<String> given) {
        List<Double> numbers = new ArrayList<>();
        for (String text : BenchList.texts(given)) {
            try {
                numbers.add(Double.parseDouble(text));
            } catch (NumberFormatException e) {
                throw new GambitException(GambitException.line(
                        "--task-sparsity", "numbers from 0 to 0.95", "'" + text + "'", "correct it"));
            }
        }
        return numbers;
    }

    /** Returns the policies of which none is another under a second name. */
    private static List<String> distinct(Sidecar sidecar) {
        List<String> names = new ArrayList<>();
        List<Thresholds> kept = new ArrayList<>();
        for (String name : sidecar.policies()) {
            Thresholds t = sidecar.thresholds(name, COMPARED_AT);
            if (kept.stream().noneMatch(other -> isSame(t, other))) {
                names.add(name);
                kept.add(t);
            }
        }
        return names;
    }

    private static boolean isSame(Thresholds a, Thresholds b) {
        for (int l = 0; l < a.layers(); l++) {
            for (Site site : Site.values()) {
                if (!Arrays.equals(a.get(l, site), b.get(l, site))) {
                    return false;
                }
            }
        }
        return true;
    }

    // --- what the page says ------------------------------------------------------------------------------------------

    private SweepHeader header(LanguageModel dense, List<String> text, TokenWindows windows) {
        String file = options.path() == null ? EmbeddedModel.NAME
                : options.path().getFileName() + ", " + dense.info().bytes() + " bytes of weights";
        return new SweepHeader(
                dense.info().name(),
                dense.info().type(),
                file,
                options.chess() == null ? "with the model" : hash(read(options.chess())),
                files.stream().map(f -> f.getFileName().toString()).toList(),
                hash(String.join("\0", text).getBytes(StandardCharsets.UTF_8)),
                windows.size(),
                windows.count(),
                options.cache());
    }

    private static byte[] read(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    path.toString(), "a readable file", String.valueOf(e.getMessage()), "check it"), e);
        }
    }

    private static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    private List<String> facts(LanguageModel dense) {
        List<String> facts = new ArrayList<>();
        facts.add("gambit report" + spec.commandLine().getParseResult().originalArgs().stream()
                .dropWhile(a -> a.equals("report"))
                .map(a -> " " + (a.isEmpty() || a.contains(" ") ? "'" + a + "'" : a))
                .collect(Collectors.joining()));
        facts.add("");
        facts.add("Gambit     " + Main.version() + ", Java " + Runtime.version() + " (" + System.getProperty(
                "java.vm.name") + ")");
        facts.add("machine    " + Machine.processor() + ", " + Runtime.getRuntime().availableProcessors()
                + " processors, " + System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                + Machine.memory());
        facts.add("ran on     " + dense.backendName());
        facts.add("model      " + dense.info().file() + " (" + Numbers.parameters(dense.info().parameters()) + ", "
                + Numbers.bytes(dense.info().bytes()) + ")");
        facts.add("drawn      " + LocalDate.now());
        return facts;
    }
}
