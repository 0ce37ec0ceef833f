package dev.gambit.engine.internal.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.SharedFolder;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One FFN of SmolLM2-135M with CHESS's thresholds, on a real hidden state, through the kernels that decoding uses (up by
 * rows, down by columns) against an implementation in PyTorch: the channels that are kept, and the vectors.
 */
class MlpReferenceTest {

    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @CsvSource({"0, scalar", "0, vector", "1, scalar", "1, vector"})
    void keepsTheSameChannelsAndGivesTheSameVectors(int index, String which) {
        JsonNode c = Reference.json(SharedFolder.require("reference/smollm2-refs.json")).get("mlp").get(index);
        Kernels kernels = which.equals("scalar") ? new ScalarKernels(16) : new VectorKernels();
        try (GgufFile file = GgufFile.open(SharedFolder.smolLm2());
                Arena arena = Arena.ofShared();
                WorkerTeam team = new WorkerTeam(2)) {
            String prefix = "blk." + c.get("layer").asInt() + ".ffn_";
            PackedMatrix gate = pack(file, prefix + "gate.weight", Layout.COLUMNS, false, arena, team);
            PackedMatrix up = pack(file, prefix + "up.weight", Layout.ROWS, false, arena, team);
            PackedMatrix down = pack(file, prefix + "down.weight", Layout.COLUMNS, true, arena, team);
            float[] x = Reference.floats(c.get("x"));
            float[] act = new float[gate.paddedOutputs];
            Kept all = new Kept(x.length).select(x, x.length, null);
            kernels.columns(gate, all, 0, gate.groups(), 0, gate.tiles(), act, 0);
            near(c.get("gate_pre_16"), act, "gate");
            kernels.silu(act, 0, act.length);

            float[] prepared = new float[up.strips.preparedLength];
            float[] sums = new float[up.strips.count * RowStrips.LANES];
            up.strips.prepare(x, 0, prepared, sums);
            float[] thresholds = Reference.floats(c.get("thresholds"));
            int[] rows = new int[thresholds.length];
            int n = 0;
            for (int i = 0; i < thresholds.length; i++) {
                if (Math.abs(act[i]) > thresholds[i]) {
                    rows[n++] = i;
                }
            }
            assertEquals(c.get("kept").asInt(), n);
            assertArrayEquals(Reference.ints(c.get("kept_indices_first_16")), Arrays.copyOf(rows, 16));
            float[] out = masked(kernels, up, down, prepared, sums, act, rows, n);
            near(c.get("out_16"), out, "output");
            assertEquals(c.get("out_l2").asDouble(), norm(out), TOLERANCE);

            for (int i = 0; i < rows.length; i++) {
                rows[i] = i;
            }
            float[] dense = masked(kernels, up, down, prepared, sums, act, rows, rows.length);
            near(c.get("dense_out_16"), dense, "dense output");
            assertEquals(c.get("dense_out_l2").asDouble(), norm(dense), TOLERANCE);
            float[] all16 = new float[16];
            kernels.rows(up, prepared, sums, rows, 16, all16);
            near(c.get("up_16"), all16, "up");
        }
    }

    /** The kept rows of up, times the activations, through the kept columns of down. */
    private static float[] masked(
            Kernels kernels,
            PackedMatrix up,
            PackedMatrix down,
            float[] prepared,
            float[] sums,
            float[] act,
            int[] rows,
            int n) {
        float[] products = new float[n];
        kernels.rows(up, prepared, sums, rows, n, products);
        float[] hidden = new float[down.inputs];
        float[] infinite = new float[down.inputs];
        Arrays.fill(infinite, Float.POSITIVE_INFINITY);
        for (int k = 0; k < n; k++) {
            hidden[rows[k]] = act[rows[k]] * products[k];
            infinite[rows[k]] = 0;
        }
        float[] out = new float[down.paddedOutputs];
        Kept kept = new Kept(hidden.length).select(hidden, hidden.length, infinite);
        assertEquals(n, kept.count());
        kernels.columns(down, kept, 0, down.groups(), 0, down.tiles(), out, 0);
        return out;
    }

    private static PackedMatrix pack(
            GgufFile file, String name, Layout layout, boolean wide, Arena arena, WorkerTeam team) {
        GgufTensor t = file.require(name);
        try (Arena mapping = Arena.ofShared()) {
            int panel = wide ? t.rows() : PackedMatrix.TILE;
            return Packer.pack(
                    t.type(), file.map(t, mapping), t.columns(), t.rows(), layout, panel, arena, team);
        }
    }

    private static void near(JsonNode expected, float[] found, String what) {
        float[] e = Reference.floats(expected);
        for (int i = 0; i < e.length; i++) {
            assertEquals(e[i], found[i], TOLERANCE, what + " " + i);
        }
    }

    private static double norm(float[] x) {
        double sum = 0;
        for (float v : x) {
            sum += (double) v * v;
        }
        return Math.sqrt(sum);
    }
}
