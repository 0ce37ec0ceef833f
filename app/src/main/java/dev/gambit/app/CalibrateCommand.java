package dev.gambit.app;

import dev.gambit.calibration.BaseModel;
import dev.gambit.calibration.BudgetAllocation;
import dev.gambit.calibration.BudgetSearch;
import dev.gambit.calibration.CalibrationStatistics;
import dev.gambit.calibration.CalibrationText;
import dev.gambit.calibration.Calibrator;
import dev.gambit.calibration.LaRosa;
import dev.gambit.calibration.SearchedPolicy;
import dev.gambit.calibration.SidecarWriter;
import dev.gambit.calibration.StatisticsFile;
import dev.gambit.calibration.TealGreedy;
import dev.gambit.calibration.TokenWindows;
import dev.gambit.calibration.WiSparse;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gambit calibrate}: makes a sidecar from a text, from statistics of earlier runs, or from both. */
@Command(
        name = "calibrate",
        description = "Finds the thresholds of a model on a text and writes them as a sidecar.",
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit calibrate -m MODEL -f TEXT... -o SIDECAR [OPTION...]",
        sortOptions = false)
final class CalibrateCommand implements Callable<Integer> {

    private static final int WINDOW = 512;

    @Mixin
    private ModelOptionsMixin options;

    @Option(
            names = {"-f", "--file"},
            paramLabel = "TEXT",
            arity = "1..*",
            description = "text to calibrate on: plain, or .jsonl with a field \"text\"")
    private List<Path> files = List.of();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "SIDECAR",
            description = "the sidecar to write")
    private Path output;

    @Option(
            names = "--chunks",
            paramLabel = "N",
            defaultValue = "64",
            description = "windows to use at most; 0 for all (default: ${DEFAULT-VALUE})")
    private int chunks;

    @Option(
            names = "--stats",
            paramLabel = "FILE",
            description = "also write the raw statistics, which can be merged with others")
    private Path stats;

    @Option(
            names = "--in-stats",
            paramLabel = "FILE",
            description = "statistics of an earlier run to merge, with the text's or with each other; repeatable")
    private List<Path> inStats = List.of();

    @Option(
            names = "--search",
            paramLabel = "NAME",
            split = ",",
            description = "also search what these policies need: " + TealGreedy.POLICY + ", " + WiSparse.POLICY)
    private List<String> others = List.of();

    @Option(
            names = "--progress",
            paramLabel = "STYLE",
            description = "bar, json or none on the error stream (default: bar on a terminal)")
    private ProgressOutput.Style progress;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "show this help")
    private boolean help;

    private final List<SearchedPolicy> searched = new ArrayList<>();

    @Override
    public Integer call() {
        if (files.isEmpty() && inStats.isEmpty()) {
            throw new GambitException(
                    GambitException.line("calibrate", "a text (-f) or statistics (--in-stats)", "neither", "name one"));
        }
        if (output == null && stats == null) {
            throw new GambitException(GambitException.line(
                    "calibrate", "a file to write (-o or --stats)", "neither", "name the sidecar with -o"));
        }
        options.budgets.forEach(BudgetSearch::require);
        for (String name : others) {
            if (!name.equals(TealGreedy.POLICY) && !name.equals(WiSparse.POLICY)) {
                throw new GambitException(GambitException.line(
                        "--search", TealGreedy.POLICY + " or " + WiSparse.POLICY, name,
                        "the other policies need no search"));
            }
        }
        if (!options.budgets.isEmpty() && (files.isEmpty() || output == null)) {
            throw new GambitException(GambitException.line(
                    "calibrate --budget", "a text (-f) and a sidecar to write (-o)", "not both", "name both"));
        }
        List<CalibrationStatistics> runs = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (Path file : inStats) {
            runs.add(StatisticsFile.read(file));
            names.add(file.toString());
        }
        if (!files.isEmpty()) {
            BaseModel base = BaseModel.of(model());
            for (int i = 0; i < runs.size(); i++) {
                // before the long run, not after it
                base.requireSame(names.get(i), runs.get(i).base());
            }
            runs.add(calibrated());
            names.add("this run");
        }
        CalibrationStatistics statistics = runs.size() == 1 ? runs.getFirst() : CalibrationStatistics.merge(runs,
                names);
        if (stats != null) {
            StatisticsFile.write(statistics, stats);
        }
        if (output != null) {
            searched.add(LaRosa.of(statistics));
            SidecarWriter.write(statistics, searched, output);
        }
        if (!options.budgets.isEmpty()) {
            deleteState();
        }
        summary(statistics);
        return 0;
    }

    private Path model() {
        if (options.path() == null) {
            throw new GambitException(GambitException.line(
                    "calibrate", "a model (-m)", "none",
                    "the embedded model has its thresholds with it; name another"));
        }
        return options.path();
    }

    private CalibrationStatistics calibrated() {
        List<String> text = CalibrationText.read(files);
        int window = options.context == 0 ? WINDOW : options.context;
        options.context = window;
        options.cacheTypeK = KvCacheType.F32;
        options.cacheTypeV = KvCacheType.F32;
        try (LanguageModel model = options.openDense()) {
            ModelOptionsMixin.explainBackend(model, System.err);
            TokenWindows windows = TokenWindows.of(model.tokenizer(), text, window, Math.max(0, chunks));
            List<String> names = files.stream().map(f -> f.getFileName().toString()).toList();
            if (!options.budgets.isEmpty()) {
                search(windows);
            }
            CalibrationStatistics statistics = new Calibrator(model(), options.threads)
                    .run(model, windows, names, new ProgressOutput(progress, System.err));
            for (String name : others) {
                ProgressOutput output = new ProgressOutput(progress, System.err);
                searched.add(name.equals(WiSparse.POLICY)
                        ? WiSparse.search(model(), windows, options.threads, output)
                        : TealGreedy.search(statistics, model(), windows, options.threads, output));
            }
            return statistics;
        }
    }

    /** Searches an allocation; what it has found lies beside the sidecar until that is written, so it can go on. */
    private void search(TokenWindows windows) {
        try (BudgetSearch search = new BudgetSearch(
                model(), windows, options.threads, state(), new ProgressOutput(progress, System.err))) {
            BudgetAllocation allocation = search.run();
            searched.add(SearchedPolicy.of(allocation));
            System.out.printf(Locale.ROOT, "%-8s %8s %8s  on text held out%n", "budget", "active", "KL");
            for (BudgetSearch.Check c : search.check(
                    allocation, options.budgets.stream().mapToDouble(Double::doubleValue).toArray())) {
                System.out.printf(
                        Locale.ROOT, "%-8.2f %8.3f %8.4f%n", c.budget(), c.active(), c.divergence());
            }
        }
    }

    private Path state() {
        return output.resolveSibling(output.getFileName() + ".search");
    }

    private void deleteState() {
        try {
            Files.deleteIfExists(state());
        } catch (IOException e) {
            System.err.println(state() + " is no longer needed and could not be deleted: " + e.getMessage());
        }
    }

    private void summary(CalibrationStatistics s) {
        System.out.printf(
                Locale.ROOT,
                "calibrated %s: %d layers, %d chunks of %d tokens%n",
                s.base().name(),
                s.base().layers(),
                s.chunks(),
                s.chunkSize());
        if (s.weightDrift() > 0) {
            System.out.printf(
                    Locale.ROOT,
                    "merged: thresholds of importance are within %.2f %% of one run over all texts%n",
                    100 * s.weightDrift());
        }
        if (output != null) {
            System.out.println("wrote " + output + "; try: --chess " + output + " --sparsity 0.5");
        }
        if (stats != null) {
            System.out.println("wrote " + stats);
        }
    }
}
