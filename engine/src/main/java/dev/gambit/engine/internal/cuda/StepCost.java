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
     * @return the cost
     */
    public static StepCost of(
            ModelConfig config, GgmlType type, boolean tied, Set<Site> sites, double kept, int positions) {
        return new Shape(config, Repack.Type.valueOf(type.name()).form(), sites, kept).cost(tied, positions);
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
        private long loaded;
        private long stored;
        private int launches;

        Shape(ModelConfig config, WeightForm form, Set<Site> sites, double kept) {
            this.config = config;
            this.form = form;
            this.sites = sites;
            this.kept = kept;
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
            MatrixLayout q = columnsFor(Site.Q_IN);
            MatrixLayout k = columnsFor(Site.K_IN);
            MatrixLayout v = columnsFor(Site.V_IN);
            add(q, n, config.queryWidth(), Site.Q_IN);
            add(k, n, config.keyWidth(), Site.K_IN);
            add(v, n, config.valueWidth(), Site.V_IN);
            // products of one input share a launch where their layouts agree
            launches += q == k && k == v ? 1 : 2;
            launches += 1; // attention
            add(columnsFor(Site.O_IN), config.attentionWidth(), n, Site.O_IN);
            launches += 1;
            ffn(n);
        }

        private void ffn(int n) {
            boolean acts = sites.contains(Site.FFN_ACT);
            MatrixLayout gate = columnsFor(Site.GATE_IN);
            MatrixLayout up = acts ? MatrixLayout.ROWS : columnsFor(Site.UP_IN);
            MatrixLayout down = acts || sites.contains(Site.UP_IN) || sites.contains(Site.DOWN_IN)
                    ? MatrixLayout.COLUMNS
                    : MatrixLayout.ROWS;
            add(gate, n, config.feedForward(), Site.GATE_IN);
            // by rows it is the activations that skip
            add(up, n, config.feedForward(), up == MatrixLayout.ROWS ? Site.FFN_ACT : Site.UP_IN);
            add(down, config.feedForward(), n, sites.contains(Site.DOWN_IN) ? Site.DOWN_IN : Site.FFN_ACT);
            if (up == MatrixLayout.COLUMNS) {
                launches += gate == up ? 1 : 2;
            } else {
                launches += gate == MatrixLayout.COLUMNS ? 2 : 1;
                // channels of an input that is masked and not skipped are counted by a kernel of their own
                launches += sites.contains(Site.UP_IN) ? 1 : 0;
            }
            launches += 1; // down
        }

        private MatrixLayout columnsFor(Site site) {
            return sites.contains(site) ? MatrixLayout.COLUMNS : MatrixLayout.ROWS;
        }

        private void add(MatrixLayout layout, int inputs, int outputs, Site site) {
            int channels = layout == MatrixLayout.COLUMNS ? inputs : outputs;
            long used = sites.contains(site) ? Math.round(kept * channels) : channels;
            loaded += bytes(form, layout, inputs, outputs, used);
            stored += bytes(form, layout, inputs, outputs,
                    layout == MatrixLayout.COLUMNS ? WeightForm.padded(inputs) : outputs);
        }
    }
}
