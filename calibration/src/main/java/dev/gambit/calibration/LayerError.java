package dev.gambit.calibration;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How much of the input of down each policy's masks lose, layer by layer: CHESS's objective (arXiv 2409.01366, equation 5),
 * {@code ‖a_up ⊙ a_gate - a_up ⊙ â_gate‖²} summed over tokens, here divided by the sum of {@code ‖a_up ⊙ a_gate‖²}. The
 * layers' inputs are the dense model's, so a layer's error is its own. Beside it the best that any mask can do when it
 * skips as many channels of the layer: to skip the smallest products of all tokens, which takes knowing them.
 */
public final class LayerError {

    /** Bits of a magnitude that its bin drops: 128 bins an octave. */
    private static final int DROPPED_BITS = 16;
    private static final int BINS = 1 << 31 - DROPPED_BITS;

    /**
     * A mask to look at.
     *
     * @param name what to call it
     * @param thresholds those at {@link Site#FFN_ACT} and {@link Site#DOWN_IN} count; others are left out
     */
    public record Mask(String name, Thresholds thresholds) {

        /** Returns whether its thresholds in the FFN are all at sites that can be looked at. */
        public boolean isUsable() {
            return (thresholds.uses(Site.FFN_ACT) || thresholds.uses(Site.DOWN_IN))
                    && !thresholds.uses(Site.GATE_IN)
                    && !thresholds.uses(Site.UP_IN);
        }
    }

    /**
     * What a mask loses in a layer.
     *
     * @param skipped fraction of the channels that it skips
     * @param error relative squared error
     * @param best the least error of any mask that skips as many
     */
    public record Loss(double skipped, double error, double best) {}

    /**
     * What was found.
     *
     * @param masks the masks' names
     * @param losses {@code [mask][layer]}
     * @param best {@code [layer]}: the least error of any mask that skips the nominal level
     * @param level the nominal level
     * @param tokens tokens seen
     */
    public record Result(List<String> masks, Loss[][] losses, double[] best, double level, long tokens) {

        /** Returns a mask's mean over the layers. */
        public Loss mean(int mask) {
            Loss[] all = losses[mask];
            return new Loss(
                    Arrays.stream(all).mapToDouble(Loss::skipped).average().orElse(0),
                    Arrays.stream(all).mapToDouble(Loss::error).average().orElse(0),
                    Arrays.stream(all).mapToDouble(Loss::best).average().orElse(0));
        }

        /** Returns the mean of {@link #best} over the layers. */
        public double meanBest() {
            return Arrays.stream(best).average().orElse(0);
        }
    }

    /** One layer's sums. */
    private static final class Layer {
        private final long[] counts = new long[BINS];
        private final double[] energies = new double[BINS];
        private final long[] skipped;
        private final double[] lost;
        private long count;
        private double energy;

        Layer(int masks) {
            skipped = new long[masks];
            lost = new double[masks];
        }

        /** Returns the energy of the smallest entries, a fraction of them all. */
        double smallest(double fraction) {
            double left = fraction * count;
            double sum = 0;
            for (int b = 0; b < BINS && left > 0; b++) {
                if (counts[b] > 0) {
                    double taken = Math.min(1, left / counts[b]);
                    sum += taken * energies[b];
                    left -= counts[b];
                }
            }
            return sum;
        }
    }

    private final List<Mask> masks;
    private final List<Layer> layers = new ArrayList<>();
    /** The gate's activations, {@code [rows][n_ff]}: handed out before {@code up}. */
    private float[] act = new float[0];

    private LayerError(List<Mask> masks) {
        this.masks = masks;
    }

    /**
     * Runs the dense model over a text.
     *
     * @param model opened without sparsity, with room for a window
     * @param windows the text; all positions count
     * @param masks at least one
     * @param level the nominal level, from 0 to 1
     * @param progress hears of the stage {@code "layers"}
     * @throws GambitException where the model is sparse
     */
    public static Result measure(
            LanguageModel model, TokenWindows windows, List<Mask> masks, double level, ProgressListener progress) {
        if (model.thresholds() != null) {
            throw new GambitException(GambitException.line(
                    "model to measure layers of", "a dense one", "one with thresholds", "open it without sparsity"));
        }
        LayerError e = new LayerError(masks);
        try (Session session = model.session()) {
            for (int w = 0; w < windows.count(); w++) {
                progress.progress("layers", w, windows.count());
                session.truncate(0);
                session.observe(windows.window(w), e::activation);
            }
        }
        progress.progress("layers", windows.count(), windows.count());
        return e.result(level, (long) windows.count() * windows.size());
    }

    private void activation(
            int layer, ActivationListener.Vector vector, float[] values, int rows, int width, int stride) {
        if (vector == ActivationListener.Vector.FFN_ACT) {
            if (act.length < rows * width) {
                act = new float[rows * width];
            }
            for (int r = 0; r < rows; r++) {
                System.arraycopy(values, r * stride, act, r * width, width);
            }
        } else if (vector == ActivationListener.Vector.FFN_UP) {
            while (layers.size() <= layer) {
                layers.add(new Layer(masks.size()));
            }
            add(layers.get(layer), layer, values, rows, width, stride);
        }
    }

    private void add(Layer sums, int layer, float[] up, int rows, int width, int stride) {
        float[] product = new float[width];
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < width; i++) {
                product[i] = act[r * width + i] * up[r * stride + i];
                double square = (double) product[i] * product[i];
                int bin = (Float.floatToRawIntBits(product[i]) & Integer.MAX_VALUE) >>> DROPPED_BITS;
                sums.counts[bin]++;
                sums.energies[bin] += square;
                sums.energy += square;
            }
            sums.count += width;
            for (int m = 0; m < masks.size(); m++) {
                Thresholds t = masks.get(m).thresholds();
                skip(sums, m, product, r * width, t.get(layer, Site.FFN_ACT), t.get(layer, Site.DOWN_IN));
            }
        }
    }

    /** Adds what a mask skips of a row; either kind of threshold may be null. */
    private void skip(Layer sums, int mask, float[] product, int at, float[] gate, float[] down) {
        double lost = 0;
        int skipped = 0;
        for (int i = 0; i < product.length; i++) {
            boolean kept = (gate == null || Math.abs(act[at + i]) > gate[i])
                    && (down == null || Math.abs(product[i]) > down[i]);
            if (!kept) {
                skipped++;
                lost += (double) product[i] * product[i];
            }
        }
        sums.skipped[mask] += skipped;
        sums.lost[mask] += lost;
    }

    private Result result(double level, long tokens) {
        Loss[][] losses = new Loss[masks.size()][layers.size()];
        double[] best = new double[layers.size()];
        for (int l = 0; l < best.length; l++) {
            Layer sums = layers.get(l);
            double energy = sums.energy == 0 ? 1 : sums.energy;
            best[l] = sums.smallest(level) / energy;
            for (int m = 0; m < masks.size(); m++) {
                double skipped = (double) sums.skipped[m] / sums.count;
                losses[m][l] = new Loss(skipped, sums.lost[m] / energy, sums.smallest(skipped) / energy);
            }
        }
        return new Result(masks.stream().map(Mask::name).toList(), losses, best, level, tokens);
    }
}
