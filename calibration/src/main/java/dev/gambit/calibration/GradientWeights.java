package dev.gambit.calibration;

import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A model's weights as 32-bit floats, a layer at a time: as the file has them, whatever form a backend gives them. */
final class GradientWeights implements AutoCloseable {

    /** One layer: matrices {@code [out][in]} in the order of {@link Projection}, their biases or null, and the norms. */
    static final class Layer {
        final float[][] matrices = new float[Projection.values().length][];
        final float[][] biases = new float[Projection.values().length][];
        float[] attnNorm;
        float[] ffnNorm;

        float[] matrix(Projection p) {
            return matrices[p.ordinal()];
        }

        float[] bias(Projection p) {
            return biases[p.ordinal()];
        }
    }

    final ModelConfig config;
    final Rope rope;
    final float[] outputNorm;
    /** The lm head, {@code [vocabulary][n_embd]}. */
    final float[] head;

    private final GgufFile file;
    private final Workers workers;
    private final Layer layer = new Layer();
    private int loaded = -1;

    GradientWeights(Path model, Workers workers) {
        this.workers = workers;
        file = GgufFile.open(model);
        try {
            config = ModelConfig.of(file);
            rope = new Rope(config, optional("rope_freqs.weight", null));
            outputNorm = read("output_norm.weight", null);
            head = read(file.find("output.weight") == null ? "token_embd.weight" : "output.weight", null);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Returns a layer; the one before is overwritten. */
    Layer layer(int l) {
        if (l != loaded) {
            String block = "blk." + l + ".";
            for (Projection p : Projection.values()) {
                layer.matrices[p.ordinal()] = read(block + p.weightName(), layer.matrix(p));
                layer.biases[p.ordinal()] = optional(
                        block + p.weightName().replace(".weight", ".bias"), layer.bias(p));
            }
            layer.attnNorm = read(block + "attn_norm.weight", layer.attnNorm);
            layer.ffnNorm = read(block + "ffn_norm.weight", layer.ffnNorm);
            loaded = l;
        }
        return layer;
    }

    /** Writes some tokens' embeddings, {@code stride} apart. */
    void embeddings(int[] tokens, float[] out, int stride) {
        GgufTensor t = file.require("token_embd.weight");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = file.map(t, arena);
            for (int i = 0; i < tokens.length; i++) {
                Dequantizer.row(t.type(), data, tokens[i], t.columns(), out, i * stride);
            }
        }
    }

    private float[] optional(String name, float[] reuse) {
        return file.find(name) == null ? null : read(name, reuse);
    }

    private float[] read(String name, float[] reuse) {
        GgufTensor t = file.require(name);
        int n = Math.toIntExact(t.elements());
        float[] out = reuse != null && reuse.length == n ? reuse : new float[n];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = file.map(t, arena);
            workers.run(t.rows(), (from, to, worker) -> {
                for (int r = from; r < to; r++) {
                    Dequantizer.row(t.type(), data, r, t.columns(), out, r * t.columns());
                }
            });
        }
        return out;
    }

    @Override
    public void close() {
        file.close();
    }
}
