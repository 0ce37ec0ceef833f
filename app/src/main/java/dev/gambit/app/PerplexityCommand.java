package dev.gambit.app;

import dev.gambit.calibration.CalibrationText;
import dev.gambit.calibration.KlDivergence;
import dev.gambit.calibration.LogitsFile;
import dev.gambit.calibration.Perplexity;
import dev.gambit.calibration.TokenWindows;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.sparsity.Site;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gambit perplexity}: llama-perplexity's measure and output, and the distance of a sparse model from the dense one. */
@Command(
        name = "perplexity",
        description = "Measures perplexity on a text as llama-perplexity does.",
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit perplexity [-m MODEL] {-f TEXT... | --kl-divergence} [OPTION...]",
        sortOptions = false)
final class PerplexityCommand implements Callable<Integer> {

    private static final int WINDOW = 512;

    @Mixin
    private ModelOptionsMixin options;

    @Option(
            names = {"-f", "--file"},
            paramLabel = "TEXT",
            arity = "1..*",
            description = "text to measure on: plain, or .jsonl with a field \"text\".")
    private List<Path> files = List.of();

    @Option(names = "--chunks", paramLabel = "N", description = "windows to use at most (default: all)")
    private int chunks;

    @Option(names = "--kl",
            description = "also run the model dense and print KL(dense||sparse) and the same-top share")
    private boolean kl;

    @Option(
            names = "--kl-chunks",
            paramLabel = "N",
            description = "windows to run dense as well, evenly spaced (default: all)")
    private int klChunks;

    @Option(
            names = {"--kl-divergence-base", "--save-all-logits"},
            paramLabel = "FILE",
            description = "keep the model's predictions in a file (llama-perplexity's format), to compare others with")
    private Path base;

    @Option(
            names = "--kl-divergence",
            description = "compare the model with the predictions in the file of --kl-divergence-base, on its text")
    private boolean klDivergence;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "show this help")
    private boolean help;

    @Override
    public Integer call() {
        if (klDivergence) {
            return divergence();
        }
        if (files.isEmpty()) {
            throw new GambitException(GambitException.line("-f/--file", "TEXT", "nothing",
                    "name a text to measure on; see gambit perplexity --help"));
        }
        List<String> text = CalibrationText.read(files);
        if (options.context == 0) {
            options.context = WINDOW;
        }
        try (LanguageModel model = options.open();
                Perplexity perplexity = new Perplexity(options.threads)) {
            ModelOptionsMixin.explainBackend(model, System.err);
            TokenWindows windows = TokenWindows.of(model.tokenizer(), text, options.context, Math.max(0, chunks));
            System.err.printf(
                    Locale.ROOT,
                    "perplexity: calculating perplexity over %d chunks, n_ctx=%d, %s%n",
                    windows.count(),
                    windows.size(),
                    model.backendName());
            if (kl && model.thresholds() == null) {
                throw new GambitException(GambitException.line(
                        "--kl", "a sparse model to compare with the dense one", "a dense one",
                        "name its thresholds with --chess and a level with --sparsity"));
            }
            if (kl) {
                compare(perplexity, model, windows);
            } else {
                print(evaluate(perplexity, model, windows), model);
            }
        }
        return 0;
    }

    private Perplexity.Result evaluate(Perplexity perplexity, LanguageModel model, TokenWindows windows) {
        if (base == null) {
            return perplexity.evaluate(model, windows, PerplexityCommand::chunk);
        }
        try (LogitsFile file = LogitsFile.create(base, windows, model.tokenizer().vocabularySize())) {
            return perplexity.evaluate(model, windows, file, PerplexityCommand::chunk);
        }
    }

    /** The second of llama-perplexity's two steps. */
    private int divergence() {
        if (base == null) {
            throw new GambitException(GambitException.line("--kl-divergence", "a file of predictions", "none",
                    "name it with --kl-divergence-base; without --kl-divergence that option writes it"));
        }
        // a window's size is in the file, the model's context follows it
        int window = LogitsFile.windowSize(base);
        if (options.context != 0 && options.context != window) {
            throw new GambitException(GambitException.line("-c/--ctx-size", window + " as in " + base,
                    options.context, "leave it out"));
        }
        options.context = window;
        try (LanguageModel model = options.open();
                LogitsFile file = LogitsFile.open(base, model.tokenizer().vocabularySize())) {
            TokenWindows windows = file.windows(Math.max(0, chunks), TokenWindows.bos(model.tokenizer()));
            System.err.printf(
                    Locale.ROOT,
                    "kl_divergence: computing over %d chunks, n_ctx=%d, %s%n",
                    windows.count(),
                    windows.size(),
                    model.backendName());
            KlPrinter printer = new KlPrinter(System.out);
            KlDivergence.Result r = KlDivergence.compare(
                    model, file, windows, options.threads, (chunk, count, sofar) -> printer.chunk(chunk, sofar));
            printer.summary(r);
            sparsity(r.sparsity(), model);
        }
        return 0;
    }

    private void compare(Perplexity perplexity, LanguageModel sparse, TokenWindows windows) {
        try (LanguageModel dense = options.openDense()) {
            int compared = klChunks > 0 ? klChunks : windows.count();
            Perplexity.Comparison c = perplexity.compare(
                    dense,
                    sparse,
                    windows,
                    Perplexity.evenlySpaced(windows.count(), compared),
                    PerplexityCommand::chunk);
            print(c.sparse(), sparse);
            PrintStream out = System.out;
            Perplexity.Result d = c.dense();
            out.printf(
                    Locale.ROOT,
                    "%nDense on %d chunks: PPL = %.4f +/- %.5f%n",
                    d.chunks(),
                    d.perplexity().mean(),
                    d.perplexity().error());
            line("Mean ln(PPL(sparse)/PPL(dense))", "%10.6f ± %10.6f", c.logRatio(), 1);
            line("Mean KLD", "%10.6f ± %10.6f", c.divergence(), 1);
            line("Same top p", "%6.3f ± %5.3f %%", c.sameTop(), 100);
        }
    }

    private static void line(String what, String format, Perplexity.Estimate e, double unit) {
        System.out.printf(Locale.ROOT, "%-31s: " + format + "%n", what, e.mean() * unit, e.error() * unit);
    }

    private static void chunk(int chunk, int chunks, double perplexity) {
        System.out.printf(Locale.ROOT, "[%d]%.4f,", chunk, perplexity);
        System.out.flush();
    }

    private static void print(Perplexity.Result r, LanguageModel model) {
        System.out.printf(
                Locale.ROOT,
                "%nFinal estimate: PPL = %.4f +/- %.5f%n",
                r.perplexity().mean(),
                r.perplexity().error());
        sparsity(r.sparsity(), model);
    }

    private static void sparsity(SparsityReport s, LanguageModel model) {
        if (model.thresholds() != null) {
            Map<Site, Double> skipped = new TreeMap<>(s.skipped());
            System.out.printf(
                    Locale.ROOT,
                    "active %.5f, skipped %s%n",
                    s.active(),
                    skipped.entrySet().stream()
                            .map(e -> String.format(Locale.ROOT, "%s %.4f", e.getKey(), e.getValue()))
                            .collect(Collectors.joining(", ")));
        }
    }
}
