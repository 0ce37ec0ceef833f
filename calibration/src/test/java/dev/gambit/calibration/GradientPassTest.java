package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Forwards against the engine, backwards against differences: a column's scale is a number the loss can be derived by. */
class GradientPassTest {

    private static final int TOKENS = 24;

    @TempDir
    Path folder;

    private static int[][] windows() {
        try (LanguageModel model = Fixtures.openFable(1, null)) {
            int[] tokens = model.tokenizer().encode(Fixtures.testStories(), false, false);
            int[][] out = new int[2][];
            for (int i = 0; i < 2; i++) {
                out[i] = java.util.Arrays.copyOfRange(tokens, i * TOKENS, (i + 1) * TOKENS);
            }
            return out;
        }
    }

    private static Thresholds thresholds(int layers, int embedding, int feedForward) {
        Thresholds t = new Thresholds(layers);
        for (int l = 0; l < layers; l++) {
            for (Site s : Site.values()) {
                boolean wide = s == Site.FFN_ACT || s == Site.DOWN_IN;
                float[] values = new float[wide ? feedForward : embedding];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (wide ? 0.02f : 0.25f) * (1 + i % 3);
                }
                t.set(l, s, values);
            }
        }
        return t;
    }

    /** Masks that do not depend on the numbers: a channel that crossed its threshold would be a step in the loss. */
    private static Thresholds everyThird(int layers, int embedding, int feedForward) {
        Thresholds t = new Thresholds(layers);
        for (int l = 0; l < layers; l++) {
            for (Site s : Site.values()) {
                float[] values = new float[s == Site.FFN_ACT || s == Site.DOWN_IN ? feedForward : embedding];
                for (int i = s.ordinal() % 3 == 1 ? 2 : 0; i < values.length; i += 3) {
                    values[i] = Float.POSITIVE_INFINITY;
                }
                t.set(l, s, values);
            }
        }
        return t;
    }

    @Test
    void forwardIsTheEngines() {
        int[][] windows = windows();
        Thresholds t = thresholds(8, 256, 768);
        try (Workers workers = new Workers(2);
                GradientWeights weights = new GradientWeights(Fixtures.fable(), workers)) {
            for (Thresholds which : new Thresholds[] {null, t}) {
                GradientPass pass = new GradientPass(weights, workers, 2, TOKENS);
                pass.forward(windows, which);
                try (LanguageModel model = Fixtures.openFable(1, which);
                        Session session = model.session()) {
                    double worst = 0;
                    for (int w = 0; w < 2; w++) {
                        session.truncate(0);
                        float[] logits = session.evaluate(windows[w]);
                        int at = ((w + 1) * TOKENS - 1) * pass.stride();
                        for (int v = 0; v < logits.length; v++) {
                            double sum = 0;
                            for (int i = 0; i < 256; i++) {
                                sum += (double) pass.output()[at + i] * weights.head[v * 256 + i];
                            }
                            worst = Math.max(worst, Math.abs(sum - logits[v]));
                        }
                    }
                    // a channel on its threshold may fall to either side
                    assertTrue(worst < (which == null ? 2e-3 : 0.3), "largest difference of a logit: " + worst);
                    assertEquals(which == null ? 1 : session.report().active(), pass.active(), 2e-3);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Site.class)
    void gradientsAreWhatDifferencesSay(Site site) {
        int channel = 7;
        int layer = 3;
        int[][] windows = windows();
        Thresholds t = everyThird(8, 256, 768);
        double[] expected = new double[1];
        double[] loss = new double[3];
        float[][] dense = new float[1][];
        double step = 0.02;
        double[] scales = {1, 1 + step, 1 - step};
        try (Workers workers = new Workers(2)) {
            for (int i = 0; i < 3; i++) {
                Path file = scaled(site, layer, channel, (float) scales[i]);
                try (GradientWeights weights = new GradientWeights(file, workers)) {
                    GradientPass pass = new GradientPass(weights, workers, 2, TOKENS);
                    HeadGradient head = new HeadGradient(weights, workers, pass.stride());
                    if (i == 0) {
                        pass.forward(windows, null);
                        dense[0] = head.select(pass.output(), pass.rows());
                    }
                    pass.forward(windows, t);
                    float[] gradient = new float[pass.output().length];
                    loss[i] = head.divergence(pass.output(), pass.rows(), dense[0], gradient) * TOKENS;
                    if (i == 0) {
                        pass.backward(gradient, (l, s, values, gradients, rows, width, ld) -> {
                            for (int r = 0; l == layer && s == site && r < rows; r++) {
                                float x = values[r * ld + channel];
                                if (Math.abs(x) > t.get(l, s)[channel]) {
                                    expected[0] += (double) x * gradients[r * ld + channel];
                                }
                            }
                        });
                    }
                }
            }
        }
        double difference = (loss[1] - loss[2]) / (2 * step);
        assertTrue(Math.abs(expected[0]) > 1e-5, "a gradient of " + expected[0] + " tests nothing");
        assertEquals(difference, expected[0], 0.04 * Math.abs(difference) + 5e-4);
    }

    /** Writes the model as 32-bit floats with one channel's weights scaled: its column, or where rows are skipped its row. */
    private Path scaled(Site site, int layer, int channel, float scale) {
        String matrix = "blk." + layer + "." + switch (site) {
            case Q_IN -> "attn_q";
            case K_IN -> "attn_k";
            case V_IN -> "attn_v";
            case O_IN -> "attn_output";
            case GATE_IN -> "ffn_gate";
            case UP_IN, FFN_ACT -> "ffn_up";
            case DOWN_IN -> "ffn_down";
        } + ".weight";
        GgufWriter out = new GgufWriter();
        try (GgufFile file = GgufFile.open(Fixtures.fable());
                Arena arena = Arena.ofConfined()) {
            file.metadata().values().forEach(out::put);
            for (GgufTensor tensor : file.tensors()) {
                float[] values = new float[Math.toIntExact(tensor.elements())];
                int columns = tensor.columns();
                MemorySegment data = file.map(tensor, arena);
                for (int r = 0; r < tensor.rows(); r++) {
                    Dequantizer.row(tensor.type(), data, r, columns, values, r * columns);
                    for (int i = 0; tensor.name().equals(matrix) && i < columns; i++) {
                        if (site == Site.FFN_ACT ? r == channel : i == channel) {
                            values[r * columns + i] *= scale;
                        }
                    }
                }
                out.tensor(tensor.name(), GgmlType.F32, tensor.shape(), MemorySegment.ofArray(values));
            }
        }
        Path target = folder.resolve("scaled-" + scale + ".gguf");
        out.write(target);
        return target;
    }
}
