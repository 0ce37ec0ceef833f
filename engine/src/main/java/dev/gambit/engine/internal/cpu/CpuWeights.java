package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A model's weights in the form the CPU kernels want. Each tensor's file pages are unmapped as soon as it is repacked, so
 * that there is one copy of the weights, off the heap.
 */
final class CpuWeights {

    /** One layer. Biases are null where the model has none. */
    static final class Layer {
        float[] attnNorm;
        float[] ffnNorm;
        PackedMatrix q;
        PackedMatrix k;
        PackedMatrix v;
        PackedMatrix o;
        PackedMatrix gate;
        PackedMatrix up;
        PackedMatrix down;
        float[] qBias;
        float[] kBias;
        float[] vBias;
        float[] oBias;
        float[] gateBias;
        float[] upBias;
        float[] downBias;

        PackedMatrix[] matrices() {
            return new PackedMatrix[] {q, k, v, o, gate, up, down};
        }
    }

    /** Bytes of weights that a processor's last-level cache holds, where jumping costs little. */
    private static final long CACHED_MODEL = 24L << 20;
    /** Nominal fraction of channels skipped from which on shorter runs are, too. */
    private static final double MOSTLY_SKIPPED = 0.75;

    final Layer[] layers;
    /** Whether the weights stay in the cache from one token to the next. */
    final boolean cached;
    final float[] outputNorm;
    /** The lm head; the embeddings themselves where they are tied. */
    final PackedMatrix head;
    /** The embeddings as in the file, where the head is another matrix; else null. */
    final MemorySegment embeddings;

    final GgufTensor embeddingTensor;
    /** Divisors of the rotary frequencies; null where the model has none. */
    final float[] ropeFactors;

    private final GgufFile file;
    private final Arena arena;
    private final WeightMemory memory;
    private final WorkerTeam team;

    CpuWeights(GgufFile file, ModelConfig config, Thresholds thresholds, Arena arena, WorkerTeam team) {
        this.file = file;
        this.arena = arena;
        memory = new WeightMemory(arena);
        this.team = team;
        cached = file.tensors().stream().mapToLong(GgufTensor::byteSize).sum() < CACHED_MODEL;
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            // All threads stop for the closing of a shared arena: one a layer, and not one a tensor.
            try (Arena mapping = Arena.ofShared()) {
                layers[i] = layer("blk." + i + ".", thresholds, mapping);
            }
        }
        outputNorm = vector("output_norm.weight");
        ropeFactors = vector("rope_freqs.weight");
        embeddingTensor = file.require("token_embd.weight");
        boolean tied = file.find("output.weight") == null;
        try (Arena mapping = Arena.ofShared()) {
            head = matrix(tied ? "token_embd.weight" : "output.weight", false, mapping);
        }
        embeddings = tied ? null : file.map(embeddingTensor, arena);
    }

    private Layer layer(String prefix, Thresholds t, Arena mapping) {
        Layer l = new Layer();
        l.attnNorm = vector(prefix + "attn_norm.weight");
        l.ffnNorm = vector(prefix + "ffn_norm.weight");
        l.q = matrix(prefix + "attn_q.weight", wide(t, Site.Q_IN, prefix + "attn_q.weight"), mapping);
        l.k = matrix(prefix + "attn_k.weight", wide(t, Site.K_IN, prefix + "attn_k.weight"), mapping);
        l.v = matrix(prefix + "attn_v.weight", wide(t, Site.V_IN, prefix + "attn_v.weight"), mapping);
        l.o = matrix(prefix + "attn_output.weight", wide(t, Site.O_IN, prefix + "attn_output.weight"), mapping);
        l.gate = matrix(prefix + "ffn_gate.weight", wide(t, Site.GATE_IN, prefix + "ffn_gate.weight"), mapping);
        if (t != null && t.uses(Site.FFN_ACT) && jumps(t, channelBytes(prefix), PackedMatrix.LONG_RECORD)) {
            channels(l, prefix, mapping);
        } else {
            l.up = matrix(prefix + "ffn_up.weight", wide(t, Site.UP_IN, prefix + "ffn_up.weight"), mapping);
            l.down = down(prefix + "ffn_down.weight", t, mapping);
        }
        l.qBias = vector(prefix + "attn_q.bias");
        l.kBias = vector(prefix + "attn_k.bias");
        l.vBias = vector(prefix + "attn_v.bias");
        l.oBias = vector(prefix + "attn_output.bias");
        l.gateBias = vector(prefix + "ffn_gate.bias");
        l.upBias = vector(prefix + "ffn_up.bias");
        l.downBias = vector(prefix + "ffn_down.bias");
        return l;
    }

    /** Packs up and down together, a record a channel. */
    private void channels(Layer l, String prefix, Arena mapping) {
        GgufTensor up = file.require(prefix + "ffn_up.weight");
        GgufTensor down = file.require(prefix + "ffn_down.weight");
        Packer.Channels c = Packer.packChannels(
                up.type(), file.map(up, mapping), down.type(), file.map(down, mapping), up.columns(), up.rows(), memory,
                team);
        l.up = c.up();
        l.down = c.down();
    }

    /** Returns the bytes that a channel of the FFN takes in up and down together. */
    private long channelBytes(String prefix) {
        GgufTensor up = file.require(prefix + "ffn_up.weight");
        GgufTensor down = file.require(prefix + "ffn_down.weight");
        return Plane.of(up.type()).bytes(up.columns()) + Plane.of(down.type()).bytes(down.rows());
    }

    /**
     * Returns whether skipped runs of that many bytes are to be jumped over in memory. Memory delivers a run in order several
     * times faster than its scattered parts ({@code bench --kernels}: sequential against a random half of runs), and even
     * a hole of one cache line stops the prefetcher, so jumping only pays over long runs, or where little is kept, or where
     * the model stays in the cache; elsewhere everything is read in order, and what is skipped is arithmetic.
     */
    private boolean jumps(Thresholds t, long run, long least) {
        return cached || run >= least || t.expectedSkipped() >= MOSTLY_SKIPPED;
    }

    private boolean wide(Thresholds t, Site site, String matrix) {
        if (t == null || !t.uses(site)) {
            return false;
        }
        GgufTensor tensor = file.require(matrix);
        return !cached && jumps(t, Plane.of(tensor.type()).bytes(tensor.rows()), PackedMatrix.LONG_RUN);
    }

    /** Packs down, where its columns are short, a decode task's channels after the other's: what one reads is a single run. */
    private PackedMatrix down(String name, Thresholds t, Arena mapping) {
        if (wide(t, Site.DOWN_IN, name)) {
            return matrix(name, true, mapping);
        }
        GgufTensor tensor = file.require(name);
        return Packer.packBlocks(tensor.type(), file.map(tensor, mapping), tensor.columns(), tensor.rows(),
                DecodeFfn.sliceChannels(tensor.columns()), memory, team);
    }

    /**
     * Packs a matrix. Wide, its columns are as long as there are outputs, for runs that memory serves well when some are
     * skipped; that only pays where they are long.
     */
    private PackedMatrix matrix(String name, boolean wide, Arena mapping) {
        GgufTensor t = file.require(name);
        int padded = (t.rows() + PackedMatrix.TILE - 1) / PackedMatrix.TILE * PackedMatrix.TILE;
        int panel = wide ? padded : PackedMatrix.TILE;
        return Packer.pack(t.type(), file.map(t, mapping), t.columns(), t.rows(), Layout.COLUMNS, panel, memory, team);
    }

    /** Reads a vector as floats; null where the model has none of that name. */
    private float[] vector(String name) {
        GgufTensor t = file.find(name);
        if (t == null) {
            return null;
        }
        float[] out = new float[Math.toIntExact(t.elements())];
        try (Arena mapping = Arena.ofConfined()) {
            MemorySegment raw = file.map(t, mapping);
            Dequantizer.row(t.type(), raw, 0, out.length, out, 0);
        }
        return out;
    }

    /** Writes a token's embedding to {@code out} from {@code offset} on. */
    void embedding(int token, float[] out, int offset) {
        if (embeddings != null) {
            Dequantizer.row(
                    embeddingTensor.type(), embeddings, token, embeddingTensor.columns(), out, offset);
            return;
        }
        for (int i = 0; i < head.inputs; i++) {
            out[offset + i] = head.weight(i, token);
        }
    }

    /** Returns the bytes that a dense token reads. */
    long byteSize() {
        long n = head.byteSize() + 4L * outputNorm.length;
        for (Layer l : layers) {
            for (PackedMatrix m : l.matrices()) {
                n += m.byteSize();
            }
            n += 4L * (l.attnNorm.length + l.ffnNorm.length);
        }
        return n;
    }

    /** Returns the linear weights of the layers, lm head excluded. */
    long linearWeights() {
        long n = 0;
        for (PackedMatrix m : layers[0].matrices()) {
            n += (long) m.inputs * m.outputs;
        }
        return n * layers.length;
    }
}
