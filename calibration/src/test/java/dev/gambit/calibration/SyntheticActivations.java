package dev.gambit.calibration;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.ActivationListener.Vector;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A model's activations without a model: the same numbers whenever asked, channels of different scale. */
final class SyntheticActivations {

    static final int LAYERS = 2;
    static final int ROWS = 61;
    static final BaseModel BASE = new BaseModel("llama", "synthetic", LAYERS, 40, 103, "00112233445566778899", 7);

    private static final int PADDING = 5;

    private SyntheticActivations() {}

    /** Shows a listener windows {@code from … from+count-1}, in the order in which a model does. */
    static void replay(int from, int count, ActivationListener listener) {
        for (int w = from; w < from + count; w++) {
            for (int l = 0; l < LAYERS; l++) {
                for (Vector v : Vector.values()) {
                    int width = v == Vector.FFN_ACT || v == Vector.FFN_UP ? BASE.feedForward() : BASE.embedding();
                    Random random = new Random(1_000L * w + 10L * l + v.ordinal());
                    float[] values = new float[ROWS * (width + PADDING)];
                    for (int i = 0; i < values.length; i++) {
                        // what lies between the rows is not to be looked at
                        int channel = i % (width + PADDING);
                        values[i] = channel < width ? (float) (random.nextGaussian() * (1 + channel % 7)) : Float.NaN;
                    }
                    listener.activation(l, v, values, ROWS, width, width + PADDING);
                    java.util.Arrays.fill(values, Float.NaN);
                }
            }
        }
    }

    /** Norms of columns that differ by channel, projection and layer. */
    static float[][][] columnNorms() {
        Random random = new Random(7);
        float[][][] norms = new float[LAYERS][Projection.values().length][];
        for (float[][] layer : norms) {
            for (Projection p : Projection.values()) {
                float[] n = new float[p == Projection.DOWN ? BASE.feedForward() : BASE.embedding()];
                for (int i = 0; i < n.length; i++) {
                    n[i] = 0.1f + random.nextFloat();
                }
                layer[p.ordinal()] = n;
            }
        }
        return norms;
    }

    /** Calibrates on windows {@code from … from+count-1}. */
    static CalibrationStatistics calibrate(int threads, int from, int count) {
        return calibrate(threads, from, count, columnNorms());
    }

    /** The same with norms or, as earlier versions did, without. */
    static CalibrationStatistics calibrate(int threads, int from, int count, float[][][] norms) {
        CalibrationStatistics s = new CalibrationStatistics(BASE, ROWS, List.of("windows-" + from));
        if (norms != null) {
            s.setColumnNorms(norms);
        }
        try (Workers workers = new Workers(threads)) {
            replay(from, count, new ChannelPass(s, workers));
            s.addChunks(count);
            for (int l = 0; l < LAYERS; l++) {
                s.layer(l).addTokens((long) count * ROWS);
            }
            replay(from, count, new ImportancePass(s, workers));
        }
        return s;
    }

    /** One layer's vectors over windows {@code 0 … count-1}, row after row. */
    static Map<Vector, List<float[]>> rows(int layer, int count) {
        Map<Vector, List<float[]>> all = new EnumMap<>(Vector.class);
        replay(0, count, (l, vector, values, rows, width, stride) -> {
            for (int r = 0; l == layer && r < rows; r++) {
                float[] row = new float[width];
                System.arraycopy(values, r * stride, row, 0, width);
                all.computeIfAbsent(vector, v -> new ArrayList<>()).add(row);
            }
        });
        return all;
    }
}
