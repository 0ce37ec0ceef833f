package dev.gambit.app;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelInfo;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.cpu.WarmUp;
import dev.gambit.engine.sparsity.FatRelu;
import dev.gambit.engine.sparsity.Sidecar;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/** Runs tests one after the other, each several times, and opens a model anew only where its setup changes. */
final class BenchRunner {

    private final int repetitions;
    private final boolean warmUp;
    private final String text;
    private final BackendChoice backend;
    private final String cudaDriver;

    /**
     * @param repetitions timed runs of each test
     * @param warmUp whether to run each test before it is timed
     * @param text a real text to take the tokens from; null for random ones
     * @param backend what to run on
     * @param cudaDriver how CUDA is called
     */
    BenchRunner(int repetitions, boolean warmUp, String text, BackendChoice backend, String cudaDriver) {
        this.repetitions = repetitions;
        this.warmUp = warmUp;
        this.text = text;
        this.backend = backend;
        this.cudaDriver = cudaDriver;
    }

    /** Runs them, and hands on each result as it comes. */
    void run(List<BenchTest> tests, Consumer<BenchResult> listener) {
        int from = 0;
        while (from < tests.size()) {
            BenchTest.Setup setup = tests.get(from).setup();
            int to = from;
            int context = 1;
            while (to < tests.size() && tests.get(to).setup().equals(setup)) {
                context = Math.max(context, tests.get(to++).context());
            }
            try (LanguageModel model = open(setup, context)) {
                for (BenchTest test : tests.subList(from, to)) {
                    listener.accept(run(model, test));
                }
            }
            from = to;
        }
    }

    LanguageModel open(BenchTest.Setup setup, int context) {
        ModelOptions.Builder builder = ModelOptions.builder()
                .contextLength(context)
                .threads(setup.threads())
                .cacheType(setup.typeK(), setup.typeV())
                .densePrefill(setup.densePrefill())
                .backend(backend)
                .cudaDriver(cudaDriver);
        boolean zeros = setup.sparsity() != null && setup.sparsity() == 0 && setup.chess() == null
                && setup.policy() == null;
        if (zeros && setup.model() != null) {
            try (GgufFile file = GgufFile.open(setup.model())) {
                if (skipsZeros(file)) {
                    return LanguageModel.open(file, builder.thresholds(FatRelu.of(file, 0)).build());
                }
            }
        }
        ModelOptions options = builder
                .sparsity(setup.sparsity() == null
                        ? null
                        : ModelOptionsMixin.sparsity(setup.chess(), setup.policy(), setup.sparsity()))
                .build();
        return setup.model() == null ? EmbeddedModel.open(options) : LanguageModel.open(setup.model(), options);
    }

    /** Returns whether a model's own activation leaves exact zeros, and there are no other thresholds. */
    static boolean skipsZeros(GgufFile model) {
        return FatRelu.fits(model) && !Sidecar.isIn(model);
    }

    private BenchResult run(LanguageModel model, BenchTest test) {
        int[] tokens = tokens(model, test);
        String begun = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        long[] samples = new long[repetitions];
        SparsityReport report;
        try (Session session = model.session()) {
            if (test.depth() > 0) {
                session.evaluate(Arrays.copyOf(tokens, test.depth()));
            }
            if (warmUp) {
                WarmUp.run(() -> time(session, tokens, test));
            }
            session.resetReport();
            for (int i = 0; i < repetitions; i++) {
                samples[i] = time(session, tokens, test);
            }
            report = session.report();
        }
        ModelInfo info = model.info();
        int threads = test.setup().threads() == 0 ? Runtime.getRuntime().availableProcessors() : test.setup().threads();
        return new BenchResult(
                test, BenchModel.describe(model), info.file(), info.bytes(), info.parameters(), model.backendName(),
                threads,
                begun, samples, report.active(), test.generated() > 0 ? report.bytes() : Double.NaN);
    }

    /** Runs a test once: the prompt at once, what is generated one by one, as both would be with a real text. */
    private static long time(Session session, int[] tokens, BenchTest test) {
        session.truncate(test.depth());
        int next = test.depth();
        int[] prompt = Arrays.copyOfRange(tokens, next, next + test.prompt());
        int[] one = new int[1];
        long start = System.nanoTime();
        if (prompt.length > 0) {
            session.evaluate(prompt);
            next += prompt.length;
        }
        for (int i = 0; i < test.generated(); i++) {
            one[0] = tokens[next + i];
            session.likeliest(one);
        }
        return System.nanoTime() - start;
    }

    private int[] tokens(LanguageModel model, BenchTest test) {
        if (text == null) {
            // always the same ones, so that runs can be compared
            return new Random(1).ints(test.context(), 0, model.tokenizer().vocabularySize()).toArray();
        }
        int[] tokens = model.tokenizer().encode(text, true, false);
        if (tokens.length < test.context()) {
            throw new GambitException(GambitException.line(
                    "-f", "a text of at least " + test.context() + " tokens for " + test.name(), tokens.length,
                    "pass a longer text or run shorter tests (-p, -n, -d)"));
        }
        return tokens;
    }
}
