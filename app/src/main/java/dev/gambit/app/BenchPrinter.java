package dev.gambit.app;

import java.io.PrintStream;
import java.util.Locale;

/** Writes a benchmark's results, each as it comes. */
abstract class BenchPrinter {

    /** How to write them. */
    enum Format {
        MD, CSV, JSON, JSONL
    }

    /** Where to. */
    final PrintStream out;

    BenchPrinter(PrintStream out) {
        this.out = out;
    }

    /** Writes what comes before the results. */
    abstract void begin(BenchColumns columns);

    /** Writes a result. */
    abstract void result(BenchResult r);

    /** Writes what comes behind the results. */
    abstract void end();

    static BenchPrinter of(Format format, PrintStream out) {
        return switch (format) {
            case MD -> new Markdown(out);
            case CSV -> new BenchRecords.Csv(out);
            case JSON -> new BenchRecords.Json(out);
            case JSONL -> new BenchRecords.JsonLines(out);
        };
    }

    /**
     * Which columns a table needs besides those it always has: those of options that take more than one value or another
     * than the default.
     */
    record BenchColumns(boolean batch, boolean microBatch, boolean typeK, boolean typeV, boolean policy,
            boolean sparsity) {}

    /** llama-bench's table, with columns {@code active} and {@code bytes} behind it. */
    private static final class Markdown extends BenchPrinter {

        private BenchColumns columns;

        Markdown(PrintStream out) {
            super(out);
        }

        @Override
        void begin(BenchColumns shown) {
            columns = shown;
            row(null);
            StringBuilder line = new StringBuilder("|");
            rule(line, -30);
            rule(line, 10);
            rule(line, 10);
            rule(line, -10);
            rule(line, 7);
            if (columns.batch()) {
                rule(line, 7);
            }
            if (columns.microBatch()) {
                rule(line, 8);
            }
            if (columns.typeK()) {
                rule(line, -6);
            }
            if (columns.typeV()) {
                rule(line, -6);
            }
            if (columns.policy()) {
                rule(line, -14);
            }
            if (columns.sparsity()) {
                rule(line, 8);
            }
            rule(line, 15);
            rule(line, 20);
            rule(line, 8);
            rule(line, 8);
            out.println(line);
            out.flush();
        }

        private static void rule(StringBuilder line, int width) {
            line.append(' ').append("-".repeat(Math.abs(width) - 1)).append(width > 0 ? ": |" : "- |");
        }

        @Override
        void result(BenchResult r) {
            row(r);
            out.flush();
        }

        /** Writes a row; the names of the columns for null. */
        private void row(BenchResult r) {
            BenchTest test = r == null ? null : r.test();
            StringBuilder line = new StringBuilder("|");
            cell(line, r == null ? "model" : r.model(), -30);
            cell(line, r == null ? "size" : Numbers.bytes(r.modelBytes()), 10);
            cell(line, r == null ? "params" : Numbers.parameters(r.modelParameters()), 10);
            cell(line, r == null ? "backend" : backend(r), -10);
            cell(line, r == null ? "threads" : Integer.toString(r.threads()), 7);
            if (columns.batch()) {
                cell(line, r == null ? "n_batch" : Integer.toString(test.batch()), 7);
            }
            if (columns.microBatch()) {
                cell(line, r == null ? "n_ubatch" : Integer.toString(test.microBatch()), 8);
            }
            if (columns.typeK()) {
                cell(line, r == null ? "type_k" : lower(test.setup().typeK()), -6);
            }
            if (columns.typeV()) {
                cell(line, r == null ? "type_v" : lower(test.setup().typeV()), -6);
            }
            if (columns.policy()) {
                cell(line, r == null ? "policy" : r.policy(), -14);
            }
            if (columns.sparsity()) {
                cell(line, r == null ? "sparsity" : r.sparsity(), 8);
            }
            cell(line, r == null ? "test" : test.name(), 15);
            cell(line, r == null ? "t/s" : speed(r), 20);
            cell(line, r == null ? "active" : Numbers.percent(r.active()), 8);
            cell(line, r == null ? "bytes" : Double.isNaN(r.bytes()) ? "-" : Numbers.percent(r.bytes()), 8);
            out.println(line);
        }

        private static void cell(StringBuilder line, String text, int width) {
            line.append(' ')
                    .append(width > 0 ? Numbers.right(text, width) : Numbers.left(text, -width))
                    .append(" |");
        }

        private static String speed(BenchResult r) {
            double[] all = r.samplesPerSecond();
            return Numbers.fixed(BenchResult.mean(all), 2) + " ± " + Numbers.fixed(BenchResult.deviation(all), 2);
        }

        @Override
        void end() {
            out.println();
            out.println("build: gambit " + Main.version() + " (Java " + Runtime.version() + ")");
            out.flush();
        }
    }

    /** The name of what it ran on, less the details. */
    static String backend(BenchResult r) {
        int details = r.backend().indexOf(" (");
        return details < 0 ? r.backend() : r.backend().substring(0, details);
    }

    static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
