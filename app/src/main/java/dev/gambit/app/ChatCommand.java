package dev.gambit.app;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Talks with a model that was made for it. */
@Command(
        name = "chat",
        description = {
            "Talks with a model in turns, in the form of its chat template.",
            "On a terminal it asks again and again; otherwise it answers once, to -p or to what it is piped."
        },
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit chat [OPTION...]",
        addMethodSubcommands = false,
        sortOptions = false)
final class ChatCommand implements Callable<Integer> {

    @Option(names = {"-sys", "--system-prompt"}, paramLabel = "TEXT", description = "what the model is told beforehand")
    private String systemPrompt;

    @Option(names = {"-p", "--prompt"}, paramLabel = "TEXT", description = "the first thing to say; \\n is a line end")
    private String prompt;

    @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "a file with the first thing to say")
    private Path file;

    @Option(names = {"-n", "--predict", "--n-predict"}, paramLabel = "N", defaultValue = "-1",
            description = "tokens of an answer at most (default: -1, until it ends or the context is full)")
    private int predict;

    @Option(names = {"-r", "--reverse-prompt"}, paramLabel = "TEXT", arity = "1",
            description = "end an answer where TEXT comes up; can be repeated")
    private List<String> stop = new ArrayList<>();

    @Option(names = {"-st", "--single-turn"}, description = "answer once, on a terminal too")
    private boolean singleTurn;

    @Option(names = "--no-perf", description = "do not print timings and sparsity")
    private boolean noPerf;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Option(names = {"-cnv", "--conversation", "--jinja"}, hidden = true)
    private boolean conversation;

    @Mixin
    private SamplingMixin sampling;

    @Mixin
    private ModelOptionsMixin options;

    @Override
    public Integer call() throws IOException {
        String first = firstMessage();
        boolean interactive = !singleTurn && isTerminal();
        if (first == null && !interactive) {
            first = Prompts.read(Path.of("-"));
        }
        if (!interactive && first.isBlank()) {
            throw new GambitException(GambitException.line(
                    "chat", "something to say on standard input or with -p", "nothing", "pass a text"));
        }
        SamplingOptions drawn = sampling.options(options.isEmbedded());
        GenerationOptions generation = GenerationOptions.builder()
                .maxTokens(ModelOptionsMixin.range("-n/--predict", predict, -2, Integer.MAX_VALUE) < 0 ? -1 : predict)
                .sampling(drawn)
                .stop(stop.stream().map(Prompts::unescape).toArray(String[]::new))
                .build();
        long start = System.nanoTime();
        try (LanguageModel model = options.openToWrite();
                Session session = model.session()) {
            model.chatTemplate(); // before anything is asked: a model may have none
            GenerationReport report = new GenerationReport(options, model, drawn.seed(), System.nanoTime() - start);
            Conversation chat = new Conversation(
                    model, session, systemPrompt == null ? null : Prompts.unescape(systemPrompt));
            if (interactive) {
                talk(chat, first, generation, report, session);
            } else {
                answer(chat, first, generation, report, session);
            }
            return 0;
        }
    }

    private String firstMessage() {
        if (prompt != null && file != null) {
            throw new GambitException(GambitException.line("prompt", "-p or -f", "both", "leave one of them out"));
        }
        return file != null ? Prompts.read(file) : prompt == null ? null : Prompts.unescape(prompt);
    }

    private static boolean isTerminal() {
        return System.console() != null && System.console().isTerminal();
    }

    @SuppressWarnings("try") // the watch over Ctrl-C does its work by being open
    private void answer(
            Conversation chat, String text, GenerationOptions generation, GenerationReport report, Session session) {
        try (Interrupt interrupt = new Interrupt(session)) {
            GenerationResult result = say(chat, text, generation, report, session);
            if (!noPerf) {
                report.print(result, System.err);
            }
        }
    }

    private GenerationResult say(
            Conversation chat, String text, GenerationOptions generation, GenerationReport report, Session session) {
        GenerationResult result = chat.reply(text, generation, options.controlled(session, (token, more) -> {
            report.token(options.verbose());
            System.out.print(more);
            System.out.flush();
        }));
        System.out.println();
        System.out.flush();
        return result;
    }

    /** Takes turns until the user has had enough. */
    private void talk(
            Conversation chat, String first, GenerationOptions generation, GenerationReport report, Session session)
            throws IOException {
        System.err.println(report.describe() + ", on " + report.backend());
        report.explainBackend(System.err);
        System.err.println("/clear begins anew, /exit or Ctrl-D ends, a \\ at a line's end goes on on the next");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String text = first;
        while (true) {
            if (text == null) {
                text = ask(in);
            }
            if (text == null || text.equals("/exit") || text.equals("/quit")) {
                break;
            }
            if (text.equals("/clear")) {
                chat.clear();
                System.err.println("(begun anew)");
            } else if (text.startsWith("/") && text.length() > 1 && !text.contains(" ")) {
                System.err.println("(there are /clear and /exit)");
            } else if (!text.isBlank()) {
                turn(chat, text, generation, report, session);
            }
            text = null;
        }
    }

    @SuppressWarnings("try") // as above
    private void turn(
            Conversation chat, String text, GenerationOptions generation, GenerationReport report, Session session) {
        try (Interrupt interrupt = new Interrupt(session)) {
            System.out.println();
            GenerationResult result = say(chat, text, generation, report, session);
            if (result.finish() == GenerationResult.Finish.CONTEXT_FULL) {
                System.err.println("(the context is full: /clear begins anew, -c makes it longer)");
            }
            if (!noPerf) {
                System.err.println(report.brief(result));
            }
        } catch (GambitException e) {
            // what was said does not fit, and something else may
            Failures.print(e.getMessage());
        }
    }

    private static String ask(BufferedReader in) throws IOException {
        System.out.print("\n> ");
        System.out.flush();
        StringBuilder text = new StringBuilder();
        while (true) {
            String line = in.readLine();
            if (line == null) {
                System.out.println();
                return text.isEmpty() ? null : text.toString();
            }
            if (!line.endsWith("\\")) {
                return text.append(line).toString();
            }
            text.append(line, 0, line.length() - 1).append('\n');
        }
    }
}
