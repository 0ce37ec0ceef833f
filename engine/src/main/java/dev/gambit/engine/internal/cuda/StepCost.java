package dev.gambit.engine.internal.cuda;

import dev.gambit.cuda.MatrixLayout;
import dev.gambit.cuda.Repack;
import dev.gambit.cuda.WeightForm;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.util.EnumSet;
import java.util.Set;

/**
 * What a decoded token costs on a GPU, without one: the bytes that its kernels load and how many of them are launched. It
 * follows {@link CudaWeights} and {@link CudaDecode}; a test captures their graph and compares.
 *
 * @param weightBytes of weights, scales and norms that a token loads
 * @param cacheBytes of keys and values that it loads
 * @param launches kernels of the step's graph
 * @param deviceBytes that the weights take on the device, loaded or not
 */
public record StepCost(long weightBytes, long cacheBytes, int launches, long deviceBytes) {

    /** The beginning with the embedding, the lm head, the choice of the likeliest tokens. */
    private static final int LAUNCHES_BESIDES_LAYERS = 3;

    /**
     * The cost of a model whose matrices are all of one type.
     *
     * @param config the model
     * @param type of the matrices: F32, F16, BF16 or a quantised type that the kernels know
     * @param tied whether the lm head is the embeddings' matrix
     * @param sites with thresholds; empty for a dense model
     * @param kept fraction of these sites' channels that is kept
     * @param positions in the context, of which keys and values are half floats
     * @param bytesPerSecond the GPU's memory bandwidth, which decides what is worth skipping
     * @return the cost
     */
    public static StepCost of(
            ModelConfig config, GgmlType type, boolean tied, Set<Site> sites, double kept, int positions,
            double bytesPerSecond) {
        return new Shape(
                config, Repack.Type.valueOf(type.name()).form(), sites, kept, LayerLayouts.Rule.of(bytesPerSecond))
                        .cost(tied, positions);
    }

    /** The sites of CHESS with attention; k and v stay dense. */
    public static Set<Site> chessAttention() {
        return EnumSet.of(Site.Q_IN, Site.O_IN, Site.FFN_ACT);
    }

    /** Returns the bytes that a product loads of a matrix of which {@code kept} channels of its skippable side are used. */
    static long bytes(WeightForm form, MatrixLayout layout, int inputs, int outputs, long kept) {
        boolean columns = layout == MatrixLayout.COLUMNS;
        long channels = columns ? WeightForm.padded(inputs) : outputs;
        long scales = (form.hasMin() ? 2 : 1) * form.scaleBytes(layout, inputs, outputs);
        // By columns a row of scales serves a group of inputs and is loaded where one of them is kept.
        long scaleRows = columns ? channels / form.group() : channels;
        return form.dataBytes(layout, inputs, outputs) / channels * kept
                + scales / scaleRows * Math.min(kept, scaleRows);
    }

    /** A model of one form; adds up as it goes. */
    private static final class Shape {
        private final ModelConfig config;
        private final WeightForm form;
        private final Set<Site> sites;
        private final double kept;
        private final LayerLayouts layouts;
        private long loaded;
        private long stored;
        private int launches;

        Shape(ModelConfig config, WeightForm form, Set<Site> sites, double kept, LayerLayouts.Rule rule) {
            this.config = config;
            this.form = form;
            this.sites = sites;
            this.kept = kept;
            layouts = LayerLayouts.of(config, name -> form, sites, rule);
        }

        StepCost cost(boolean tied, int positions) {
            int n = config.embedding();
            layer(n);
            long norms = 8L * n;
            loaded = (loaded + norms) * config.layers();
            stored *= config.layers();
            int all = launches * config.layers() + LAUNCHES_BESIDES_LAYERS;
            long head = bytes(form, MatrixLayout.ROWS, n, config.vocabulary(), config.vocabulary());
            loaded += head + 4L * n;
            stored += tied ? head : 2 * head;
            long cache = 2L * config.layers() * positions * (config.keyWidth() + config.valueWidth());
            return new StepCost(loaded, cache, all, stored);
        }

        private void layer(int n) {
            MatrixLayout q = layouts.q();
            MatrixLayout k = layouts.k();
            MatrixLayout v = layouts.v();
            inputs(Site.Q_IN, q, n, config.queryWidth());
            inputs(Site.K_IN, k, n, config.keyWidth());
            inputs(Site.V_IN, v, n, config.valueWidth());
            // products of one input share a launch where their layouts agree
            launches += q == k && k == v ? 1 : 2;
            launches += 1; // attention
            inputs(Site.O_IN, layouts.o(), config.attentionWidth(), n);
            launches += 1;
            ffn(n);
        }

        private void ffn(int n) {
            boolean acts = sites.contains(Site.FFN_ACT);
            MatrixLayout gate = layouts.gate();
            MatrixLayout up = layouts.up();
            inputs(Site.GATE_IN, gate, n, config.feedForward());
            // by rows it is the activations that skip
            add(up, n, config.feedForward(), acts || up == MatrixLayout.COLUMNS);
            MatrixLayout down = layouts.down();
            boolean masked = acts || sites.contains(Site.DOWN_IN);
            add(down, config.feedForward(), n, down == MatrixLayout.COLUMNS && masked);
            if (up == MatrixLayout.COLUMNS) {
                launches += gate == up ? 1 : 2;
            } else {
                launches += gate == MatrixLayout.COLUMNS ? 2 : 1;
                // channels of an input that is masked and not skipped are counted by a kernel of their own
                launches += sites.contains(Site.UP_IN) ? 1 : 0;
            }
            launches += 1; // down
        }

        /** Adds a matrix whose inputs are skipped where they are masked and it lies by columns. */
        private void inputs(Site site, MatrixLayout layout, int inputs, int outputs) {
            add(layout, inputs, outputs, layout == MatrixLayout.COLUMNS && sites.contains(site));
        }

        private void add(MatrixLayout layout, int inputs, int outputs, boolean skips) {
            int channels = layout == MatrixLayout.COLUMNS ? inputs : outputs;
            long used = skips ? Math.round(kept * channels) : channels;
            loaded += bytes(form, layout, inputs, outputs, used);
            stored += bytes(form, layout, inputs, outputs,
                    layout == MatrixLayout.COLUMNS ? WeightForm.padded(inputs) : outputs);
        }
    }
}
