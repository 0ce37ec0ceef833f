package dev.gambit.app;

import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelInfo;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import dev.gambit.engine.sparsity.Site;
import java.io.PrintStream;

/** What is told about a generation behind its text: what ran, how fast, how sparsely. */
final class GenerationReport {

    private final ModelOptionsMixin options;
    private final LanguageModel model;
    private final long seed;
    private final long loadNanos;
    private double firstTokenMillis = -1;

    /**
     * @param loadNanos how long opening the model took
     */
    GenerationReport(ModelOptionsMixin options, LanguageModel model, long seed, long loadNanos) {
        this.options = options;
        this.model = model;
        this.seed = seed;
        this.loadNanos = loadNanos;
    }

    /** Notes that a token was drawn, and at the first one how long the process has run, if that is wanted. */
    void token(boolean wanted) {
        if (wanted && firstTokenMillis < 0) {
            firstTokenMillis = ProcessClock.millis();
        }
    }

    long seed() {
        return seed;
    }

    double loadMillis() {
        return loadNanos / 1e6;
    }

    /** Milliseconds from the start of the process to the first token; below 0 where there was none. */
    double firstTokenMillis() {
        return firstTokenMillis;
    }

    /** Says what {@code auto} chose and why. */
    void explainBackend(PrintStream err) {
        ModelOptionsMixin.explainBackend(model, err);
    }

    String backend() {
        return model.backendName();
    }

    ModelInfo model() {
        return model.info();
    }

    /** Returns the level of sparsity that was asked for; null for dense. */
    Double level() {
        return options.control() == null ? options.level() : (Double) options.control().level();
    }

    /** Prints it all, in llama.cpp's lines where it has them. */
    void print(GenerationResult result, PrintStream err) {
        Timings t = result.timings();
        StringBuilder text = new StringBuilder(1024).append('\n');
        note(text, result.finish());
        text.append("backend          = ").append(backend()).append(", ").append(describe()).append('\n');
        if (model.backendReason() != null) {
            text.append("chosen by auto   = ").append(model.backendReason()).append('\n');
        }
        text.append("sampler seed     = ").append(seed).append('\n');
        if (options.verbose()) {
            time(text, "load time", loadNanos).append('\n');
            if (firstTokenMillis >= 0) {
                text.append("first token at   = ").append(Numbers.fixed(firstTokenMillis, 10, 2))
                        .append(" ms after the process started\n");
            }
        }
        perToken(time(text, "prompt eval time", t.promptNanos()), t.promptTokens(), "tokens", t.promptNanos());
        perToken(time(text, "eval time", t.generatedNanos()), t.generatedTokens(), "runs", t.generatedNanos());
        time(text, "total time", t.promptNanos() + t.generatedNanos())
                .append(" / ").append(Numbers.right(Integer.toString(t.promptTokens() + t.generatedTokens()), 5))
                .append(" tokens\n");
        sparsity(text, result.sparsity());
        err.print(text);
        err.flush();
    }

    /** Returns a turn of a chat in one line. */
    String brief(GenerationResult result) {
        Timings t = result.timings();
        return "[ prompt " + t.promptTokens() + " tokens, " + Numbers.fixed(t.promptPerSecond(), 1)
                + " t/s | generation "
                + Numbers.fixed(t.generatedPerSecond(), 1) + " t/s"
                + (level() == null ? "" : " | active " + Numbers.percent(result.sparsity().active()) + ", bytes "
                        + Numbers.percent(result.sparsity().bytes()))
                + " ]";
    }

    private void note(StringBuilder text, Finish finish) {
        switch (finish) {
            case CONTEXT_FULL -> text.append("The context of ").append(model.contextLength())
                    .append(model.contextLength() < model().trainedContext()
                            ? " tokens is full; -c makes it longer.\n\n"
                            : " tokens is full; the model was not trained on more.\n\n");
            case CANCELLED -> text.append("Interrupted.\n\n");
            default -> {
                // the model's end, a stop text and -n are what was asked for
            }
        }
    }

    /** Returns a model in few words: its name, type and size. */
    String describe() {
        ModelInfo info = model.info();
        return info.name() + " " + info.type() + ", " + Numbers.bytes(info.bytes())
                + (options.isEmbedded() ? ", built in" : "");
    }

    private static StringBuilder time(StringBuilder text, String name, long nanos) {
        return text.append(Numbers.right(name, 16)).append(" = ").append(Numbers.fixed(nanos / 1e6, 10, 2)).append(
                " ms");
    }

    private static void perToken(StringBuilder text, int count, String unit, long nanos) {
        text.append(" / ").append(Numbers.right(Integer.toString(count), 5)).append(' ').append(unit);
        if (count > 0 && nanos > 0) {
            text.append(unit.equals("runs") ? "   (" : " (").append(Numbers.fixed(nanos / 1e6 / count, 8, 2)).append(
                    " ms per token, ")
                    .append(Numbers.fixed(count * 1e9 / nanos, 8, 2)).append(" tokens per second)");
        }
        text.append('\n');
    }

    private void sparsity(StringBuilder text, SparsityReport report) {
        if (level() == null) {
            text.append("sparsity         = none: every weight is used for every token\n");
            return;
        }
        text.append("sparsity         = ").append(Numbers.fixed(level(), 2)).append(options.control() == null
                ? " asked for"
                : " at the end, for " + Numbers.fixed(options.control().target(), 1) + " tokens per second").append(
                        "; skipped channels, on average:\n");
        for (Site site : Site.values()) {
            Double skipped = report.skipped().get(site);
            if (skipped != null) {
                line(text, site.name(), skipped, meaning(site));
            }
        }
        line(text, "active", report.active(), "of the layers' weights were used for a token");
        line(text, "bytes", report.bytes(), "of all weights' bytes were read to generate one");
    }

    private static void line(StringBuilder text, String name, double fraction, String meaning) {
        text.append(Numbers.right(name, 16)).append(" = ").append(Numbers.right(Numbers.percent(fraction), 8))
                .append("  ").append(meaning).append('\n');
    }

    private static String meaning(Site site) {
        return switch (site) {
            case Q_IN -> "of the attention input, as the queries read it";
            case K_IN -> "of the attention input, as the keys read it";
            case V_IN -> "of the attention input, as the values read it";
            case O_IN -> "of the attention output";
            case GATE_IN -> "of the FFN input, as the gate reads it";
            case UP_IN -> "of the FFN input, as up reads it";
            case FFN_ACT -> "of the FFN's gate: each saves a row of up and a column of down";
            case DOWN_IN -> "of the FFN's product: each saves a column of down";
        };
    }
}
