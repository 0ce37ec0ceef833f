package dev.gambit.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.calibration.LayerError;
import dev.gambit.calibration.LayerError.Loss;
import java.io.PrintStream;
import java.util.List;
import java.util.function.IntFunction;

/** Writes what masks lose, a layer a line. */
final class LayerErrorPrinter {

    private static final int WIDTH = 14;

    private LayerErrorPrinter() {}

    static void print(EvaluationPrinter.Format format, List<LayerError.Result> results, PrintStream out) {
        switch (format) {
            case MD -> results.forEach(r -> table(r, out));
            case CSV -> csv(results, out);
            case JSON -> json(results, out);
        }
    }

    private static void table(LayerError.Result r, PrintStream out) {
        out.println("Relative squared error of the input of down, of " + r.tokens() + " tokens, at sparsity "
                + new Variant("", r.level()).levelText());
        StringBuilder head = new StringBuilder("|layer|     best mask|");
        StringBuilder rule = new StringBuilder("|----:|-------------:|");
        for (String mask : r.masks()) {
            head.append(Numbers.right(mask, WIDTH)).append('|');
            rule.append("-".repeat(WIDTH - 1)).append(":|");
        }
        out.println(head);
        out.println(rule);
        for (int l = 0; l < r.best().length; l++) {
            int layer = l;
            row(out, Integer.toString(l), Numbers.fixed(r.best()[l], 5), r, m -> Numbers.fixed(
                    r.losses()[m][layer].error(), 5));
        }
        row(out, "mean", Numbers.fixed(r.meanBest(), 5), r, m -> Numbers.fixed(r.mean(m).error(), 5));
        row(out, "skip", Numbers.fixed(r.level(), 5), r, m -> Numbers.fixed(r.mean(m).skipped(), 5));
        row(out, "x", "1.00", r, m -> Numbers.fixed(r.mean(m).error() / r.mean(m).best(), 2));
        out.println();
        out.println(
                "best mask: skips the smallest products of all tokens, which takes knowing them; skip: fraction skipped,");
        out.println("mean over layers; x: the mean error over that of the best mask that skips as many.");
        out.println();
    }

    private static void row(
            PrintStream out, String name, String best, LayerError.Result r, IntFunction<String> cell) {
        StringBuilder line = new StringBuilder("|").append(Numbers.right(name, 5)).append('|')
                .append(Numbers.right(best, WIDTH)).append('|');
        for (int m = 0; m < r.masks().size(); m++) {
            line.append(Numbers.right(cell.apply(m), WIDTH)).append('|');
        }
        out.println(line);
    }

    private static void csv(List<LayerError.Result> results, PrintStream out) {
        out.println("sparsity,layer,policy,skipped,error,best_at_skipped,best_at_sparsity");
        for (LayerError.Result r : results) {
            for (int l = 0; l < r.best().length; l++) {
                for (int m = 0; m < r.masks().size(); m++) {
                    Loss loss = r.losses()[m][l];
                    out.println(String.join(",", Numbers.fixed(r.level(), 4), Integer.toString(l), r.masks().get(m),
                            Numbers.fixed(loss.skipped(), 6), Numbers.fixed(loss.error(), 8),
                            Numbers.fixed(loss.best(), 8), Numbers.fixed(r.best()[l], 8)));
                }
            }
        }
    }

    private static void json(List<LayerError.Result> results, PrintStream out) {
        ArrayNode root = new ObjectMapper().createArrayNode();
        for (LayerError.Result r : results) {
            ObjectNode one = root.addObject();
            one.put("sparsity", r.level());
            one.put("tokens", r.tokens());
            ArrayNode best = one.putArray("best");
            for (double b : r.best()) {
                best.add(b);
            }
            for (int m = 0; m < r.masks().size(); m++) {
                ObjectNode policy = one.withObjectProperty("policies").putObject(r.masks().get(m));
                for (Loss loss : r.losses()[m]) {
                    ObjectNode layer = policy.withArrayProperty("layers").addObject();
                    layer.put("skipped", loss.skipped());
                    layer.put("error", loss.error());
                    layer.put("best", loss.best());
                }
            }
        }
        out.println(root.toPrettyString());
    }
}
