package dev.gambit.engine.internal.cuda;

import dev.gambit.cuda.MatrixLayout;
import dev.gambit.cuda.WeightForm;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.util.Set;

/**
 * Which matrices of a layer lie by columns, so that skipped inputs are not read, and which by rows, where a masked input counts
 * as 0. Columns cost time of their own, their slices' sums, and are taken where half of the matrix takes longer to read than
 * that. Of q, k and v the ones that are not masked lie as the others do where they are of the same form, since a launch more
 * takes longer than reading them this way or that. So a model decodes sparsely with the launches of a dense step.
 */
record LayerLayouts(MatrixLayout q, MatrixLayout k, MatrixLayout v, MatrixLayout o, MatrixLayout gate, MatrixLayout up,
        MatrixLayout down) {

    /** What a product by columns takes longer than one by rows of as many bytes: measured on an H100 and an H200. */
    private static final double COLUMNS_SECONDS = 1.2e-6;
    /** What a launch more takes, with its own reading of the input. */
    private static final double LAUNCH_SECONDS = 2.8e-6;

    /** What decides: {@code -Dgambit.cuda.columns=all|none} overrules the GPU's bandwidth. */
    record Rule(double bytesPerSecond) {

        private static final String PROPERTY = "gambit.cuda.columns";

        /** The rule for a GPU's memory bandwidth in bytes/s; 0 where it is not known. */
        static Rule of(double bytesPerSecond) {
            String named = System.getProperty(PROPERTY);
            if (named == null) {
                return new Rule(bytesPerSecond > 0 ? bytesPerSecond : 1e12);
            }
            return switch (named) {
                case "all" -> new Rule(0);
                case "none" -> new Rule(Double.POSITIVE_INFINITY);
                default -> throw new GambitException(
                        GambitException.line(PROPERTY, "all or none", named, "leave the property out or correct it"));
            };
        }

        /** Whether skipping half of so many bytes is worth so many seconds. */
        private boolean pays(long bytes, double seconds) {
            return bytes / 2.0 > bytesPerSecond * seconds;
        }
    }

    /** A matrix's form, by its name within a layer. */
    @FunctionalInterface
    interface Forms {
        /** Returns the form of {@code attn_q}, {@code ffn_down}, … */
        WeightForm of(String name);
    }

    /** The layouts of a layer whose masks are at these sites. */
    static LayerLayouts of(ModelConfig config, Forms forms, Set<Site> sites, Rule rule) {
        int n = config.embedding();
        boolean[] used = {sites.contains(Site.Q_IN), sites.contains(Site.K_IN), sites.contains(Site.V_IN)};
        int[] widths = {config.queryWidth(), config.keyWidth(), config.valueWidth()};
        String[] names = {"attn_q", "attn_k", "attn_v"};
        long skippable = 0;
        boolean all = true;
        for (int i = 0; i < 3; i++) {
            all &= used[i];
            skippable += used[i] ? bytes(forms.of(names[i]), n, widths[i]) : 0;
        }
        boolean together = forms.of("attn_q") == forms.of("attn_k") && forms.of("attn_q") == forms.of("attn_v");
        boolean inputs = rule.pays(skippable, COLUMNS_SECONDS + (all || together ? 0 : LAUNCH_SECONDS));
        boolean output = sites.contains(Site.O_IN)
                && rule.pays(bytes(forms.of("attn_output"), config.attentionWidth(), n), COLUMNS_SECONDS);
        boolean acts = sites.contains(Site.FFN_ACT);
        boolean up = !acts && sites.contains(Site.UP_IN);
        // Where up lies by columns, down is the one that multiplies gate and up as it reads them.
        boolean down = up || (acts || sites.contains(Site.DOWN_IN))
                && rule.pays(bytes(forms.of("ffn_down"), config.feedForward(), n), COLUMNS_SECONDS);
        return new LayerLayouts(
                columns(inputs && (together || used[0])),
                columns(inputs && (together || used[1])),
                columns(inputs && (together || used[2])),
                columns(output),
                columns(sites.contains(Site.GATE_IN)),
                columns(up),
                columns(down));
    }

    private static MatrixLayout columns(boolean columns) {
        return columns ? MatrixLayout.COLUMNS : MatrixLayout.ROWS;
    }

    private static long bytes(WeightForm form, int inputs, int outputs) {
        return form.dataBytes(MatrixLayout.ROWS, inputs, outputs);
    }
}
