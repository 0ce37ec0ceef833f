package dev.gambit.app;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a text. */
@Command(
        name = "generate",
        aliases = "completion",
        description = "Continues a text: prints it as it is written, then how fast and how sparsely that went.",
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit generate -p TEXT [OPTION...]",
        addMethodSubcommands = false,
        sortOptions = false)
final class GenerateCommand implements Callable<Integer> {

    @Option(names = {"-p", "--prompt"}, paramLabel = "TEXT", description = "the text to continue; \\n is a line end")
    private String prompt;

    @Option(names = {"-f", "--file"}, paramLabel = "FILE",
            description = "a file with the text to continue; - for standard input")
    private Path file;

    @Option(names = {"-n", "--predict", "--n-predict"}, paramLabel = "N", defaultValue = "-1",
            description = "tokens to generate at most (default: -1, until the model ends or the context is full)")
    private int predict;

    @Option(names = {"-r", "--reverse-prompt"}, paramLabel = "TEXT", arity = "1",
            description = "stop where TEXT comes up; can be repeated")
    private List<String> stop = new ArrayList<>();

    @Option(names = "--ignore-eos", description = "go on where the model says it has ended")
    private boolean ignoreEos;

    @Option(names = "--no-display-prompt", description = "print the continuation only")
    private boolean noDisplayPrompt;

    @Option(names = {"-sp", "--special"}, description = "print special tokens, too")
    private boolean special;

    @Option(names = "--no-escape", description = "take \\n and the like in -p and -r as they are")
    private boolean noEscape;

    @Option(names = "--no-perf", description = "do not print timings and sparsity")
    private boolean noPerf;

    @Option(names = "--json", description = "print one JSON object when done: text, tokens, timings, sparsity")
    private boolean json;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Option(names = {"-no-cnv", "--no-conversation", "-st", "--single-turn"}, hidden = true)
    private boolean once;

    @Mixin
    private SamplingMixin sampling;

    @Mixin
    private ModelOptionsMixin options;

    @Override
    @SuppressWarnings("try") // the watch over Ctrl-C does its work by being open
    public Integer call() {
        String text = prompt();
        SamplingOptions drawn = sampling.options(options.isEmbedded());
        GenerationOptions generation = GenerationOptions.builder()
                .maxTokens(ModelOptionsMixin.range("-n/--predict", predict, -2, Integer.MAX_VALUE) < 0 ? -1 : predict)
                .sampling(drawn)
                .stop(stop.stream().map(s -> noEscape ? s : Prompts.unescape(s)).toArray(String[]::new))
                .ignoreEndOfGeneration(ignoreEos)
                .build();
        long start = System.nanoTime();
        try (LanguageModel model = options.openToWrite();
                Session session = model.session();
                Interrupt interrupt = new Interrupt(session)) {
            GenerationReport report = new GenerationReport(options, model, drawn.seed(), System.nanoTime() - start);
            Output output = new Output(model.tokenizer(), report);
            int[] tokens = tokens(model.tokenizer(), text);
            requireRoom(tokens.length, session.contextLength());
            if (!json && !noDisplayPrompt) {
                System.out.print(text);
                System.out.flush();
            }
            GenerationResult result = session.generate(tokens, generation, options.controlled(session,
                    output::token));
            if (json) {
                GenerationJson.print(text, tokens, result, report, System.out);
                return 0;
            }
            System.out.println();
            System.out.flush();
            if (!noPerf) {
                report.print(result, System.err);
            }
            return 0;
        }
    }

    private String prompt() {
        if (prompt != null && file != null) {
            throw new GambitException(GambitException.line("prompt", "-p or -f", "both", "leave one of them out"));
        }
        if (prompt == null && file == null) {
            throw new GambitException(GambitException.line(
                    "prompt", "a text to continue", "none", "pass one, as in gambit generate -p \"Once upon a time\""));
        }
        return file != null ? Prompts.read(file) : noEscape ? prompt : Prompts.unescape(prompt);
    }

    /** Encodes the prompt; an empty one is the beginning of a text. */
    private static int[] tokens(Tokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text, true, true);
        if (tokens.length > 0) {
            return tokens;
        }
        int first = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
        if (first < 0) {
            throw new GambitException(GambitException.line(
                    "prompt", "a text, as this model has no token for the beginning of one", "none",
                    "pass one with -p"));
        }
        return new int[] {first};
    }

    private static void requireRoom(int tokens, int context) {
        if (tokens > context) {
            throw new GambitException(GambitException.line(
                    "prompt", "at most the " + context + " tokens of the context", tokens,
                    "shorten it or make the context longer with -c"));
        }
    }

    /** Prints the text as it comes. */
    private final class Output {
        private final Tokenizer tokenizer;
        private final GenerationReport report;

        Output(Tokenizer tokenizer, GenerationReport report) {
            this.tokenizer = tokenizer;
            this.report = report;
        }

        void token(int token, String text) {
            report.token(options.verbose() || json);
            if (!json) {
                System.out.print(text);
                if (special && tokenizer.isControl(token)) {
                    System.out.print(tokenizer.token(token));
                }
                System.out.flush();
            }
        }
    }
}
