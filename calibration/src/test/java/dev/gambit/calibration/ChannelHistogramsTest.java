package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.ActivationListener.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Importances from one pass against those of two, on channels of many scales. */
class ChannelHistogramsTest {

    private static final int CHANNELS = 96;
    private static final int ROWS = 512;
    private static final int WINDOWS = 100;

    private static void replay(ActivationListener listener) {
        float[] act = new float[ROWS * CHANNELS];
        float[] up = new float[ROWS * CHANNELS];
        for (int w = 0; w < WINDOWS; w++) {
            Random random = new Random(w);
            for (int i = 0; i < act.length; i++) {
                int c = i % CHANNELS;
                double gate = random.nextGaussian() * (0.3 + 0.05 * c) - 0.4;
                act[i] = (float) (gate / (1 + Math.exp(-gate)));
                up[i] = (float) (random.nextGaussian() * Math.exp(Math.sin(c)));
            }
            listener.activation(0, Vector.FFN_ACT, act, ROWS, CHANNELS, CHANNELS);
            listener.activation(0, Vector.FFN_UP, up, ROWS, CHANNELS, CHANNELS);
        }
    }

    private static CalibrationStatistics run(boolean onePass, int threads) {
        CalibrationStatistics s = new CalibrationStatistics(
                new BaseModel("llama", "m", 1, CHANNELS, CHANNELS, "00112233445566778899", 0), ROWS, List.of("text"));
        try (Workers workers = new Workers(threads)) {
            ChannelHistograms histograms = onePass ? new ChannelHistograms(1, CHANNELS) : null;
            replay(new ChannelPass(s, workers, histograms));
            s.layer(0).addTokens((long) ROWS * WINDOWS);
            if (onePass) {
                histograms.importances(s, workers);
            } else {
                replay(new ImportancePass(s, workers));
            }
        }
        return s;
    }

    @Test
    void quantilesAreThoseOfTwoPasses() {
        CalibrationStatistics two = run(false, 2);
        List<float[]> found = new ArrayList<>();
        for (int threads : new int[] {1, 3}) {
            CalibrationStatistics one = run(true, threads);
            for (ActivationTable table : new ActivationTable[] {
                ActivationTable.IMPORTANCE_ABS, ActivationTable.IMPORTANCE_RMS
            }) {
                assertEquals(two.layer(0).table(table).total(), one.layer(0).table(table).total());
                float[] expected = two.quantiles(0, table);
                float[] quantiles = one.quantiles(0, table);
                for (int i = 1; i < expected.length; i++) {
                    assertEquals(expected[i], quantiles[i], 1e-3 * expected[i], table + " at level " + i);
                }
                found.add(quantiles);
            }
        }
        assertArrayEquals(found.get(0), found.get(2));
        assertArrayEquals(found.get(1), found.get(3));
    }
}
