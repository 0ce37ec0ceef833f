package dev.gambit.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskScore;
import dev.gambit.calibration.TaskScore.Metric;
import java.io.PrintStream;
import java.util.List;

/** Writes the scores of several runs, the first of which is the dense one: lm-evaluation-harness's table, CSV or JSON. */
final class EvaluationPrinter {

    /** How to write them. */
    enum Format {
        MD, CSV, JSON
    }

    private static final int NAME_WIDTH = 14;

    private final Format format;
    private final PrintStream out;

    private EvaluationPrinter(Format format, PrintStream out) {
        this.format = format;
        this.out = out;
    }

    static EvaluationPrinter of(Format format, PrintStream out) {
        return new EvaluationPrinter(format, out);
    }

    /**
     * Writes them.
     *
     * @param runs the dense one first
     * @param limit items of each task at most; 0 for all
     */
    void print(List<EvaluationRun> runs, int limit) {
        switch (format) {
            case MD -> tables(runs, limit);
            case CSV -> csv(runs);
            case JSON -> json(runs, limit);
        }
    }

    // --- tables ------------------------------------------------------------------------------------------------------

    private void tables(List<EvaluationRun> runs, int limit) {
        for (EvaluationRun run : runs) {
            out.println("gambit (" + run.model() + ", " + run.variant().name() + ", active " + Numbers.fixed(
                    run.result().sparsity().active(), 3) + ", " + run.backend() + "), limit: "
                    + (limit == 0 ? "none" : limit) + ", num_fewshot: 0");
            table(run, runs.getFirst());
            out.println();
        }
        if (runs.size() > 1) {
            summary(runs);
        }
    }

    private void table(EvaluationRun run, EvaluationRun dense) {
        boolean compared = run != dense;
        out.println("|    Tasks     | n  |n-shot| Metric |   |Value |   |Stderr|" + (compared
                ? "Δ dense|   |Stderr|flips|" : ""));
        out.println("|--------------|---:|-----:|--------|---|-----:|---|-----:|" + (compared
                ? "------:|---|-----:|----:|" : ""));
        for (int t = 0; t < run.result().scores().size(); t++) {
            TaskScore score = run.result().scores().get(t);
            TaskScore base = dense.result().scores().get(t);
            for (Metric metric : Metric.values()) {
                if (metric.in(score)) {
                    boolean first = metric == Metric.ACC;
                    out.print("|" + Numbers.left(first ? score.task() : "", NAME_WIDTH) + "|" + Numbers.right(first
                            ? Integer.toString(score.right().length) : "", 4) + "|" + (first ? "     0" : "      ")
                            + "|");
                    values(metric.text(), score.estimate(metric));
                    if (compared) {
                        difference(score.difference(base, metric));
                        out.print(Numbers.right(Integer.toString(score.flips(base, metric)), 5) + "|");
                    }
                    out.println();
                }
            }
        }
        for (Metric metric : Metric.values()) {
            if (run.has(metric) && run.result().scores().size() > 1) {
                out.print("|" + Numbers.left(metric == Metric.ACC ? "mean" : "", NAME_WIDTH) + "|    |      |");
                values(metric.text(), run.average(metric));
                if (compared) {
                    difference(run.averageDifference(dense, metric));
                    out.print("     |");
                }
                out.println();
            }
        }
    }

    private void values(String metric, Estimate e) {
        out.print(Numbers.left(metric, 8) + "|↑  |" + Numbers.fixed(e.mean(), 4) + "|±  |" + Numbers.fixed(
                e.error(), 4) + "|");
    }

    private void difference(Estimate e) {
        out.print(Numbers.right(signed(e.mean()), 7) + "|±  |" + Numbers.fixed(e.error(), 4) + "|");
    }

    private static String signed(double x) {
        return (x > 0 ? "+" : "") + Numbers.fixed(x, 4);
    }

    /** One line a run, and what can be told from it. */
    private void summary(List<EvaluationRun> runs) {
        EvaluationRun dense = runs.getFirst();
        out.println(
                "|policy           |sparsity|active|mean acc|Δ dense|   |Stderr|tasks that differ by 2 stderr and more|");
        out.println(
                "|-----------------|-------:|-----:|-------:|------:|---|-----:|--------------------------------------|");
        int comparisons = 0;
        int notable = 0;
        double widest = 0;
        for (EvaluationRun run : runs) {
            out.print("|" + Numbers.left(run.variant().isDense() ? "dense" : run.variant().policy(), 17) + "|"
                    + Numbers.right(run.variant().isDense() ? "" : run.variant().levelText(), 8) + "| "
                    + Numbers.fixed(run.result().sparsity().active(), 3) + "|  "
                    + Numbers.fixed(run.average(Metric.ACC).mean(), 4) + "|");
            if (run == dense) {
                out.println("       |   |      |                                      |");
                continue;
            }
            difference(run.averageDifference(dense, Metric.ACC));
            StringBuilder named = new StringBuilder();
            for (int t = 0; t < run.result().scores().size(); t++) {
                TaskScore score = run.result().scores().get(t);
                Estimate d = score.difference(dense.result().scores().get(t), Metric.ACC);
                comparisons++;
                widest = Math.max(widest, d.error());
                if (EvaluationRun.isNotable(d)) {
                    notable++;
                    named.append(named.isEmpty() ? "" : ", ").append(score.task()).append(' ').append(signed(d.mean()));
                }
            }
            out.println(Numbers.left(named.isEmpty() ? "none" : named.toString(), 38) + "|");
        }
        out.println();
        out.println(
                "Δ dense is paired: the same items, so that its error counts only those on which the two disagree (flips).");
        out.println("Of " + comparisons + " comparisons of one task, " + notable
                + " differ by 2 standard errors and more; chance alone gives about "
                + Numbers.fixed(0.05 * comparisons, 1) + ".");
        out.println("So many items show a difference of about " + Numbers.fixed(2 * widest, 3)
                + " in a task; what is smaller, perplexity and KL divergence can tell.");
    }

    // --- records -----------------------------------------------------------------------------------------------------

    private void csv(List<EvaluationRun> runs) {
        out.println("policy,sparsity,active,task,n,metric,value,stderr,delta_dense,delta_stderr,flips");
        EvaluationRun dense = runs.getFirst();
        for (EvaluationRun run : runs) {
            for (int t = 0; t < run.result().scores().size(); t++) {
                TaskScore score = run.result().scores().get(t);
                TaskScore base = dense.result().scores().get(t);
                for (Metric metric : Metric.values()) {
                    if (metric.in(score)) {
                        Estimate e = score.estimate(metric);
                        Estimate d = score.difference(base, metric);
                        out.println(String.join(",",
                                run.variant().isDense() ? "dense" : run.variant().policy(),
                                run.variant().isDense() ? "" : run.variant().levelText(),
                                Numbers.fixed(run.result().sparsity().active(), 6),
                                '"' + score.task().replace("\"", "\"\"") + '"',
                                Integer.toString(score.right().length),
                                metric.text(),
                                Numbers.fixed(e.mean(), 6),
                                Numbers.fixed(e.error(), 6),
                                Numbers.fixed(d.mean(), 6),
                                Numbers.fixed(d.error(), 6),
                                Integer.toString(score.flips(base, metric))));
                    }
                }
            }
        }
    }

    private void json(List<EvaluationRun> runs, int limit) {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("model", runs.getFirst().model());
        root.put("backend", runs.getFirst().backend());
        root.put("num_fewshot", 0);
        if (limit == 0) {
            root.putNull("limit");
        } else {
            root.put("limit", limit);
        }
        EvaluationRun dense = runs.getFirst();
        for (EvaluationRun run : runs) {
            ObjectNode one = root.withArray("runs").addObject();
            one.put("policy", run.variant().isDense() ? "dense" : run.variant().policy());
            one.put("sparsity", run.variant().level());
            one.put("active", run.result().sparsity().active());
            ObjectNode results = one.putObject("results");
            for (int t = 0; t < run.result().scores().size(); t++) {
                TaskScore score = run.result().scores().get(t);
                ObjectNode values = results.putObject(score.task());
                values.put("n", score.right().length);
                for (Metric metric : Metric.values()) {
                    if (metric.in(score)) {
                        // the harness's keys, with its default filter
                        put(values, metric.text(), score.estimate(metric));
                        if (run != dense) {
                            put(values, metric.text() + "_delta", score.difference(dense.result().scores().get(t),
                                    metric));
                            values.put(metric.text() + "_flips", score.flips(dense.result().scores().get(t), metric));
                        }
                    }
                }
            }
        }
        out.println(root.toPrettyString());
    }

    private static void put(ObjectNode values, String name, Estimate e) {
        values.put(name + ",none", e.mean());
        values.put(name + "_stderr,none", e.error());
    }
}
