package dev.gambit.app;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Several sequences at once, in the table of llama-batched-bench: {@code B} sessions, each on a thread of its own as in a
 * service, read a prompt of {@code PP} tokens each, and when all have, generate {@code TG} tokens each. {@code S_TG t/s} are
 * the tokens that all of them generate a second; {@code bytes} is the fraction of the weights' bytes that was read for each
 * of them, which falls as they share passes over the weights.
 */
final class BenchParallel {

    /** Tokens of each sequence before anything is timed: the JIT compiler's. */
    private static final int WARM_UP = 24;
    private static final String[] HEADS = {"PP", "TG", "B", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s",
        "S t/s", "sparsity", "bytes"};
    private static final int[] WIDTHS = {6, 6, 4, 6, 8, 8, 8, 8, 8, 8, 8, 6};

    private final PrintStream out;
    private final int repetitions;
    private final String text;

    /**
     * @param text where the sequences' tokens are from, each beginning elsewhere; null for random ones
     */
    BenchParallel(PrintStream out, int repetitions, String text) {
        this.out = out;
        this.repetitions = repetitions;
        this.text = text;
    }

    /** What a run took. */
    private record Times(long prompt, long generation, double bytes) {}

    /** Prints the head of the table. */
    void begin() {
        StringBuilder line = new StringBuilder("|");
        StringBuilder rule = new StringBuilder("|");
        for (int i = 0; i < HEADS.length; i++) {
            line.append(' ').append(Numbers.right(HEADS[i], WIDTHS[i])).append(" |");
            rule.append("-".repeat(WIDTHS[i] + 1)).append(":|");
        }
        out.println(line);
        out.println(rule);
    }

    /** Runs one number of sequences; a line for each repetition. */
    void run(LanguageModel model, String sparsity, int prompt, int generated, int sequences) {
        int[][] tokens = tokens(model, prompt + generated, sequences);
        time(model, tokens, Math.min(WARM_UP, prompt), Math.min(WARM_UP, generated));
        for (int i = 0; i < repetitions; i++) {
            Times t = time(model, tokens, prompt, generated);
            long pp = (long) sequences * prompt;
            long tg = (long) sequences * generated;
            print(prompt, generated, sequences, pp + tg, seconds(t.prompt), perSecond(pp, t.prompt), seconds(
                    t.generation), perSecond(tg, t.generation), seconds(t.prompt + t.generation),
                    perSecond(pp + tg, t.prompt + t.generation), sparsity,
                    generated == 0 ? "" : String.format(Locale.ROOT, "%.3f", t.bytes));
        }
    }

    private static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.3f", nanos / 1e9);
    }

    private static String perSecond(long tokens, long nanos) {
        return String.format(Locale.ROOT, "%.2f", tokens * 1e9 / Math.max(1, nanos));
    }

    private void print(Object... cells) {
        StringBuilder line = new StringBuilder("|");
        for (int i = 0; i < cells.length; i++) {
            line.append(' ').append(Numbers.right(cells[i].toString(), WIDTHS[i])).append(" |");
        }
        out.println(line);
        out.flush();
    }

    private int[][] tokens(LanguageModel model, int length, int sequences) {
        int[][] tokens = new int[sequences][];
        if (text == null) {
            for (int i = 0; i < sequences; i++) {
                tokens[i] = new SplittableRandom(i).ints(length, 0, model.tokenizer().vocabularySize()).toArray();
            }
            return tokens;
        }
        int[] all = model.tokenizer().encode(text, true, false);
        if (all.length < length) {
            throw new GambitException(GambitException.line(
                    "-f", "a text of at least " + length + " tokens", all.length,
                    "pass a longer text or lower -p and -n"));
        }
        for (int i = 0; i < sequences; i++) {
            int from = sequences == 1 ? 0 : (int) ((long) (all.length - length) * i / (sequences - 1));
            tokens[i] = Arrays.copyOfRange(all, from, from + length);
        }
        return tokens;
    }

    /** Runs all sequences through their prompts, then through what they generate, and times both. */
    private static Times time(LanguageModel model, int[][] tokens, int prompt, int generated) {
        List<Session> sessions = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(tokens.length)) {
            for (int i = 0; i < tokens.length; i++) {
                sessions.add(model.session());
            }
            long start = System.nanoTime();
            all(threads, tokens, i -> {
                if (prompt > 0) {
                    sessions.get(i).evaluate(Arrays.copyOf(tokens[i], prompt));
                }
            });
            long prompted = System.nanoTime();
            sessions.forEach(Session::resetReport);
            long begun = System.nanoTime();
            all(threads, tokens, i -> {
                int[] one = new int[1];
                for (int t = 0; t < generated; t++) {
                    one[0] = tokens[i][prompt + t];
                    sessions.get(i).likeliest(one);
                }
            });
            long end = System.nanoTime();
            double bytes = sessions.stream().map(Session::report).mapToDouble(SparsityReport::bytes).average().orElse(
                    1);
            return new Times(prompted - start, end - begun, bytes);
        } finally {
            sessions.forEach(Session::close);
        }
    }

    /** What sequence {@code i} does. */
    private interface Work {
        void run(int i);
    }

    private static void all(ExecutorService threads, int[][] tokens, Work work) {
        List<Callable<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < tokens.length; i++) {
            int sequence = i;
            tasks.add(() -> {
                work.run(sequence);
                return null;
            });
        }
        try {
            for (Future<Void> f : threads.invokeAll(tasks)) {
                f.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException x -> throw x;
                case Error x -> throw x;
                default -> throw new IllegalStateException(e.getCause());
            }
        }
    }
}
