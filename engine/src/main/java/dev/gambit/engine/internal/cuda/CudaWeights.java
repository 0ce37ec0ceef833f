package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.DeviceMatrix;
import dev.gambit.cuda.KernelModules;
import dev.gambit.cuda.MatrixLayout;
import dev.gambit.cuda.Repack;
import dev.gambit.cuda.WeightForm;
import dev.gambit.engine.LoadListener;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A model's weights on the device, in the forms of {@code cuda-kernels/README.md}, laid out as {@link LayerLayouts} says. All of
 * them lie in one allocation.
 */
final class CudaWeights {

    private static final int ALIGNMENT = 256;

    /** One layer. Biases are null where the model has none. */
    static final class Layer {
        DeviceMemory attnNorm;
        DeviceMemory ffnNorm;
        DeviceMatrix q;
        DeviceMatrix k;
        DeviceMatrix v;
        DeviceMatrix o;
        DeviceMatrix gate;
        DeviceMatrix up;
        DeviceMatrix down;
        DeviceMemory qBias;
        DeviceMemory kBias;
        DeviceMemory vBias;
        DeviceMemory oBias;
        DeviceMemory gateBias;
        DeviceMemory upBias;
        DeviceMemory downBias;

        List<DeviceMatrix> matrices() {
            return List.of(q, k, v, o, gate, up, down);
        }
    }

    private final GgufFile file;
    private final ModelConfig config;
    private final List<Entry> entries = new ArrayList<>();

    /** A matrix and where its planes will lie in the allocation. */
    private record Entry(
            GgufTensor tensor, Repack.Type type, MatrixLayout layout, long data, long scales, long mins) {

        DeviceMatrix matrix(DeviceMemory memory) {
            WeightForm form = type.form();
            int inputs = tensor.columns();
            int outputs = tensor.rows();
            long scaleBytes = form.scaleBytes(layout, inputs, outputs);
            return new DeviceMatrix(
                    form,
                    layout,
                    inputs,
                    outputs,
                    memory.slice(data, form.dataBytes(layout, inputs, outputs)),
                    scales < 0 ? null : memory.slice(scales, scaleBytes),
                    mins < 0 ? null : memory.slice(mins, scaleBytes));
        }
    }

    private long bytes;
    private long rawBytes;
    private long largestRaw;

    Layer[] layers;
    DeviceMemory outputNorm;
    /** The lm head by rows; the embeddings themselves where they are tied. */
    DeviceMatrix head;
    /** The embeddings by rows. */
    DeviceMatrix embedding;
    /** Radians a position for each pair of the rotary embedding, as doubles. */
    DeviceMemory ropeFrequency;

    int ropePairs;

    /**
     * Plans where everything will lie; nothing is allocated yet.
     *
     * @param thresholds which sites will be masked, which decides how weights are laid out; null for none
     * @param rule whether skipping pays
     */
    CudaWeights(GgufFile file, ModelConfig config, Thresholds thresholds, LayerLayouts.Rule rule) {
        this.file = file;
        this.config = config;
        Set<Site> sites = EnumSet.noneOf(Site.class);
        for (Site site : Site.values()) {
            if (thresholds != null && thresholds.uses(site)) {
                sites.add(site);
            }
        }
        for (int i = 0; i < config.layers(); i++) {
            String b = "blk." + i + ".";
            LayerLayouts l = LayerLayouts.of(
                    config, name -> type(file.require(b + name + ".weight")).form(), sites, rule);
            plan(b + "attn_q.weight", l.q());
            plan(b + "attn_k.weight", l.k());
            plan(b + "attn_v.weight", l.v());
            plan(b + "attn_output.weight", l.o());
            plan(b + "ffn_gate.weight", l.gate());
            plan(b + "ffn_up.weight", l.up());
            plan(b + "ffn_down.weight", l.down());
        }
        if (file.find("output.weight") != null) {
            plan("output.weight", MatrixLayout.ROWS);
        }
        plan("token_embd.weight", MatrixLayout.ROWS);
    }

    private static Repack.Type type(GgufTensor t) {
        return Repack.Type.valueOf(t.type().name());
    }

    private void plan(String name, MatrixLayout layout) {
        GgufTensor t = file.require(name);
        Repack.Type type = type(t);
        WeightForm form = type.form();
        long scaleBytes = form.scaleBytes(layout, t.columns(), t.rows());
        long data = reserve(form.dataBytes(layout, t.columns(), t.rows()));
        long scales = reserve(scaleBytes);
        long mins = reserve(form.hasMin() ? scaleBytes : 0);
        entries.add(new Entry(t, type, layout, data, scales, mins));
        rawBytes += t.byteSize();
        largestRaw = Math.max(largestRaw, t.byteSize());
    }

    /** Returns an offset for so many bytes; -1 for none. */
    private long reserve(long size) {
        if (size == 0) {
            return -1;
        }
        long at = bytes;
        bytes += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        return at;
    }

    /** Returns the bytes of device memory that the weights will take. */
    long plannedBytes() {
        return bytes;
    }

    /** Returns the bytes that loading takes besides, for the largest tensor as it is in the file. */
    long loadingBytes(boolean inPlace) {
        return inPlace ? 0 : largestRaw;
    }

    /**
     * Copies and repacks everything.
     *
     * @param inPlace whether the file's pages are read in place
     */
    void load(DeviceArena arena, CudaDriver driver, CudaStream stream, KernelModules kernels, LoadListener listener,
            boolean inPlace) {
        DeviceMemory memory = arena.allocate(bytes);
        List<DeviceMatrix> matrices = new ArrayList<>();
        try (RawTensors tensors = tensors(driver, stream, listener, inPlace)) {
            for (Entry e : entries) {
                DeviceMatrix m = e.matrix(memory);
                Repack.prepare(kernels, e.type, tensors.of(e.tensor), m, 0, m.outputs()).run(stream);
                matrices.add(m);
            }
            driver.synchronize(stream);
        }
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer("blk." + i + ".", matrices.subList(7 * i, 7 * i + 7), arena);
        }
        embedding = matrices.getLast();
        head = file.find("output.weight") == null ? embedding : matrices.get(matrices.size() - 2);
        outputNorm = arena.copyOf(vector("output_norm.weight"));
        Rope rope = new Rope(config, vector("rope_freqs.weight"));
        ropePairs = rope.pairs();
        ropeFrequency = arena.copyOf(rope.frequencies());
    }

    private RawTensors tensors(CudaDriver driver, CudaStream stream, LoadListener listener, boolean inPlace) {
        Supplier<RawTensors> copies = () -> new Upload(file, driver, stream, listener, rawBytes, largestRaw);
        return inPlace
                ? new RegisteredTensors(file, driver, stream, listener, rawBytes, copies)
                : copies.get();
    }

    private Layer layer(String prefix, List<DeviceMatrix> m, DeviceArena arena) {
        Layer l = new Layer();
        l.attnNorm = arena.copyOf(vector(prefix + "attn_norm.weight"));
        l.ffnNorm = arena.copyOf(vector(prefix + "ffn_norm.weight"));
        l.q = m.get(0);
        l.k = m.get(1);
        l.v = m.get(2);
        l.o = m.get(3);
        l.gate = m.get(4);
        l.up = m.get(5);
        l.down = m.get(6);
        l.qBias = arena.copyOf(vector(prefix + "attn_q.bias"));
        l.kBias = arena.copyOf(vector(prefix + "attn_k.bias"));
        l.vBias = arena.copyOf(vector(prefix + "attn_v.bias"));
        l.oBias = arena.copyOf(vector(prefix + "attn_output.bias"));
        l.gateBias = arena.copyOf(vector(prefix + "ffn_gate.bias"));
        l.upBias = arena.copyOf(vector(prefix + "ffn_up.bias"));
        l.downBias = arena.copyOf(vector(prefix + "ffn_down.bias"));
        return l;
    }

    /** Reads a vector as floats; null where the model has none of that name. */
    private float[] vector(String name) {
        GgufTensor t = file.find(name);
        if (t == null) {
            return null;
        }
        float[] out = new float[Math.toIntExact(t.elements())];
        try (Arena mapping = Arena.ofConfined()) {
            Dequantizer.row(t.type(), file.map(t, mapping), 0, out.length, out, 0);
        }
        return out;
    }

    /** Returns the bytes that the lm head and its norm take. */
    long headBytes() {
        return head.byteSize() + 4L * config.embedding();
    }

    /** Returns the bytes that a dense token reads of the layers. */
    long layerBytes() {
        long n = 0;
        for (Layer l : layers) {
            n += 8L * config.embedding();
            for (DeviceMatrix m : l.matrices()) {
                n += m.byteSize();
            }
        }
        return n;
    }
}
