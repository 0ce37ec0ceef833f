package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.ActivationListener.Vector;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The layers' error against the definition: products sorted, sums in float64. */
class LayerErrorTest {

    private static final int LAYERS = 8;
    private static final int WIDTH = 768;
    private static final double LEVEL = 0.5;

    private static Sidecar sidecar() {
        try (GgufFile model = GgufFile.open(Fixtures.fable())) {
            return Sidecar.open(Fixtures.embeddedSidecar(), model);
        }
    }

    @Test
    void errorsAreTheDefinition() {
        Sidecar sidecar = sidecar();
        List<LayerError.Mask> masks = List.of(
                new LayerError.Mask("cats", sidecar.thresholds("cats", LEVEL)),
                new LayerError.Mask("chess-abs", sidecar.thresholds("chess-abs", LEVEL)),
                new LayerError.Mask("chess-rms", sidecar.thresholds("chess-rms", LEVEL)));
        try (LanguageModel model = Fixtures.openFable(0, null)) {
            TokenWindows windows = Fixtures.windows(model, 0, 3);
            LayerError.Result r = LayerError.measure(model, windows, masks, LEVEL, (stage, done, total) -> {});
            int rows = 3 * Fixtures.WINDOW;
            assertEquals(rows, r.tokens());
            for (int layer : new int[] {0, 3, 7}) {
                float[] gate = new float[rows * WIDTH];
                float[] up = new float[rows * WIDTH];
                vectors(model, windows, layer, gate, up);
                double[] products = new double[gate.length];
                double all = 0;
                for (int i = 0; i < gate.length; i++) {
                    products[i] = (double) gate[i] * up[i];
                    all += products[i] * products[i];
                }
                double[] squares = Arrays.stream(products).map(p -> p * p).sorted().toArray();
                assertEquals(smallest(squares, LEVEL) / all, r.best()[layer], 1e-4);
                for (int m = 0; m < masks.size(); m++) {
                    float[] t = masks.get(m).thresholds().get(layer, Site.FFN_ACT);
                    double lost = 0;
                    int skipped = 0;
                    for (int i = 0; i < gate.length; i++) {
                        if (!(Math.abs(gate[i]) > t[i % WIDTH])) {
                            skipped++;
                            lost += products[i] * products[i];
                        }
                    }
                    LayerError.Loss loss = r.losses()[m][layer];
                    assertEquals((double) skipped / gate.length, loss.skipped(), 1e-12);
                    assertEquals(lost / all, loss.error(), 1e-6);
                    assertEquals(smallest(squares, loss.skipped()) / all, loss.best(), 1e-4);
                    assertTrue(loss.best() < loss.error());
                }
            }
            // what the paper says of its importance
            assertTrue(r.mean(1).error() < r.mean(0).error() && r.mean(2).error() < r.mean(0).error());
            assertTrue(r.meanBest() < r.mean(2).error() && r.meanBest() > 0);
        }
    }

    private static double smallest(double[] sortedSquares, double fraction) {
        double sum = 0;
        for (int i = 0; i < Math.round(fraction * sortedSquares.length); i++) {
            sum += sortedSquares[i];
        }
        return sum;
    }

    private static void vectors(LanguageModel model, TokenWindows windows, int layer, float[] gate, float[] up) {
        try (Session session = model.session()) {
            for (int w = 0; w < windows.count(); w++) {
                int from = w * windows.size();
                session.truncate(0);
                session.observe(windows.window(w), (l, vector, values, rows, width, stride) -> {
                    float[] target = vector == Vector.FFN_ACT ? gate : vector == Vector.FFN_UP ? up : null;
                    for (int i = 0; l == layer && target != null && i < rows; i++) {
                        System.arraycopy(values, i * stride, target, (from + i) * WIDTH, width);
                    }
                });
            }
        }
    }

    @Test
    void inputsOfDownAndOtherSites() {
        Thresholds down = new Thresholds(LAYERS);
        for (int l = 0; l < LAYERS; l++) {
            float[] t = new float[WIDTH];
            Arrays.fill(t, 0.02f);
            down.set(l, Site.DOWN_IN, t);
        }
        LayerError.Mask mask = new LayerError.Mask("down", down);
        assertTrue(mask.isUsable());
        assertFalse(new LayerError.Mask("teal", sidecar().thresholds("teal", LEVEL)).isUsable());
        assertFalse(new LayerError.Mask("none", new Thresholds(LAYERS)).isUsable());
        try (LanguageModel model = Fixtures.openFable(0, null)) {
            LayerError.Result r = LayerError.measure(model, Fixtures.windows(model, 0, 1), List.of(mask), LEVEL, (stage,
                    done, total) -> {});
            for (LayerError.Loss loss : r.losses()[0]) {
                // one number for all channels is the best mask, but for what lies in the same bin
                assertEquals(loss.best(), loss.error(), 0.01 * loss.error());
                assertTrue(loss.skipped() > 0.05 && loss.skipped() < 0.95, "skipped " + loss.skipped());
            }
        }
        try (LanguageModel model = Fixtures.openFable(0, down)) {
            assertThrows(GambitException.class, () -> LayerError.measure(model, Fixtures.windows(model, 0, 1), List.of(
                    mask), LEVEL, (stage, done, total) -> {}));
        }
    }
}
