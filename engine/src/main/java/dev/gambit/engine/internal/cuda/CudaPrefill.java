package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.AttendRows;
import dev.gambit.cuda.AttentionShape;
import dev.gambit.cuda.BatchRows;
import dev.gambit.cuda.DeviceMatrix;
import dev.gambit.cuda.Embed;
import dev.gambit.cuda.Gemm;
import dev.gambit.cuda.HalfRows;
import dev.gambit.cuda.KernelModules;
import dev.gambit.cuda.Unpack;
import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The steps for several positions at once: matrices are turned into half floats a part at a time and multiplied by the
 * tensor cores, with activations rounded to half floats. Where the cache keeps 32-bit floats, for exactness' sake, weights
 * and activations are sums of two half floats instead, which costs three products for one. Masked entries are zeros.
 */
final class CudaPrefill {

    static final int MAX_BATCH = 512;
    /** Rows of logits that are computed at a time. */
    private static final int LOGIT_ROWS = 64;
    /** Half floats of a matrix's part: 32 MiB, which stay in the cache between being written and read. */
    private static final long PART = 16L << 20;

    private final CudaDriver driver;
    private final CudaStream stream;
    private final ModelConfig config;
    private final AttentionShape shape;
    private final CudaWeights weights;
    private final DeviceThresholds thresholds;
    private final CudaCounts counts;
    private final Embed embed;
    private final BatchRows rows;
    private final AttendRows attend;
    private final Unpack unpack;
    private final Gemm gemm;

    private final DeviceMemory tokens;
    private final DeviceMemory hidden;
    private final DeviceMemory normed;
    private final DeviceMemory q;
    private final DeviceMemory k;
    private final DeviceMemory v;
    private final DeviceMemory attention;
    private final DeviceMemory gate;
    private final DeviceMemory up;
    private final DeviceMemory logits;
    private final HalfRows x;
    private final DeviceMemory wHigh;
    private final DeviceMemory wLow;
    private final DeviceMemory cosine;
    private final DeviceMemory sine;
    private final DeviceMemory rowCounts;
    private final DeviceMemory totals;

    private final HostCopy host;
    private final long[] total;
    /** What listeners are shown. */
    private float[] seen = new float[0];
    /** Which thresholds the halves in {@link #x} were masked with, to use them again; -1 where they are of another vector. */
    private long masked;

    CudaPrefill(
            Gpu gpu,
            KernelModules kernels,
            CudaStream stream,
            ModelConfig config,
            AttentionShape shape,
            CudaWeights weights,
            DeviceThresholds thresholds,
            DeviceArena arena,
            HostCopy host,
            boolean exact) {
        driver = gpu.driver();
        this.host = host;
        this.stream = stream;
        this.config = config;
        this.shape = shape;
        this.weights = weights;
        this.thresholds = thresholds;
        counts = new CudaCounts(config, weights);
        embed = new Embed(kernels, weights.embedding);
        rows = new BatchRows(kernels);
        attend = new AttendRows(kernels, shape);
        unpack = new Unpack(kernels);
        gemm = new Gemm(kernels, gpu.multiprocessors(), exact);
        long n = MAX_BATCH;
        tokens = arena.allocate(4 * n);
        hidden = arena.floats(n * config.embedding());
        normed = arena.floats(n * config.embedding());
        q = arena.floats(n * config.queryWidth());
        k = arena.floats(n * config.keyWidth());
        v = arena.floats(n * config.valueWidth());
        attention = arena.floats(n * config.attentionWidth());
        gate = arena.floats(n * config.feedForward());
        up = arena.floats(n * config.feedForward());
        logits = arena.floats((long) LOGIT_ROWS * config.vocabulary());
        int widest = Math.max(config.feedForward(), Math.max(config.embedding(), config.attentionWidth()));
        long halves = 2L * n * stride(widest);
        x = new HalfRows(arena.allocate(halves), exact ? arena.allocate(halves) : null, arena.floats(n));
        long part = 2 * Math.max(PART, (long) Gemm.ROWS * stride(widest));
        wHigh = arena.allocate(part);
        wLow = exact ? arena.allocate(part) : null;
        cosine = arena.floats(n * weights.ropePairs);
        sine = arena.floats(n * weights.ropePairs);
        rowCounts = arena.allocate(4 * n);
        total = new long[config.layers() * CudaCounts.BATCH_COUNTERS];
        totals = arena.zeroed(8L * total.length);
    }

    private static int stride(int inputs) {
        return (inputs + Gemm.STRIDE - 1) / Gemm.STRIDE * Gemm.STRIDE;
    }

    void embed(Batch b) {
        driver.synchronize(stream); // the batch before may not have read its tokens yet
        driver.copyToDevice(tokens, 0, MemorySegment.ofArray(b.tokens()).asSlice(0, 4L * b.count()));
        ((CudaKvCache) b.cache()).reserve(b.start() + b.count());
        embed.launch(stream, tokens, b.count(), hidden, config.embedding());
        rows.angles(stream, b.start(), b.count(), weights.ropeFrequency, weights.ropePairs, cosine, sine);
        if (b.thresholds() != null) {
            thresholds.use(b.thresholds());
            driver.fill(totals, 0, stream);
        }
    }

    private long threshold(Batch b, int layer, Site site) {
        return b.thresholds() == null || thresholds.get(layer, site) == null
                ? 0
                : thresholds.get(layer, site).values().address();
    }

    /** Where a batch's counters of a layer lie, from a site's on; 0 where nobody counts. */
    private long total(Batch b, int layer, int counter) {
        return b.thresholds() == null || b.counter() == null
                ? 0
                : totals.address() + 8L * (layer * CudaCounts.BATCH_COUNTERS + counter);
    }

    private void norm(Batch b, DeviceMemory weight) {
        rows.norm(stream, b.count(), hidden, weight, config.normEpsilon(), config.embedding(), normed);
        masked = -1;
    }

    /** Multiplies a masked vector of each row with a matrix. */
    private void project(
            Batch b, int layer, Site site, DeviceMemory from, DeviceMatrix w, DeviceMemory bias, DeviceMemory to,
            boolean accumulate) {
        long at = threshold(b, layer, site);
        // The same vector with the same mask is used again, unless it is to be counted anew.
        if (masked != at || at != 0 || total(b, layer, site.ordinal()) != 0) {
            rows.split(stream, b.count(), from, w.inputs(), at, x, stride(w.inputs()), rowCounts,
                    total(b, layer, site.ordinal()));
            masked = at;
        }
        multiply(w, b.count(), bias, to.address(), w.outputs(), accumulate);
    }

    /** Multiplies the rows in {@link #x} with a matrix, a part of its outputs at a time. */
    private void multiply(DeviceMatrix w, int m, DeviceMemory bias, long to, int ldy, boolean accumulate) {
        int stride = stride(w.inputs());
        int part = (int) Math.max(Gemm.ROWS, Math.min(w.outputs(), PART / stride) / Gemm.ROWS * Gemm.ROWS);
        for (int first = 0; first < w.outputs(); first += part) {
            int n = Math.min(part, w.outputs() - first);
            unpack.launch(stream, w, first, n, stride, wHigh, wLow);
            long biasAt = bias == null ? 0 : bias.address() + 4L * first;
            gemm.launch(stream, x, m, wHigh, wLow, n, stride, biasAt, to + 4L * first, ldy, accumulate);
        }
    }

    void qkv(int layer, Batch b) {
        CudaWeights.Layer w = weights.layers[layer];
        norm(b, w.attnNorm);
        listen(b, layer, ActivationListener.Vector.ATTN_IN, normed, config.embedding());
        project(b, layer, Site.Q_IN, normed, w.q, w.qBias, q, false);
        project(b, layer, Site.K_IN, normed, w.k, w.kBias, k, false);
        project(b, layer, Site.V_IN, normed, w.v, w.vBias, v, false);
        CudaKvCache cache = (CudaKvCache) b.cache();
        rows.rope(stream, b.count(), q, k, v, cosine, sine, b.start(), shape, cache.keys(layer), cache.values(layer));
    }

    void attend(int layer, Batch b) {
        CudaKvCache cache = (CudaKvCache) b.cache();
        attend.launch(stream, q, cache.keys(layer), cache.values(layer), attention, b.start(), b.count());
        masked = -1;
        listen(b, layer, ActivationListener.Vector.ATTN_OUT, attention, config.attentionWidth());
    }

    void output(int layer, Batch b) {
        CudaWeights.Layer w = weights.layers[layer];
        project(b, layer, Site.O_IN, attention, w.o, w.oBias, hidden, true);
    }

    void ffn(int layer, Batch b) {
        CudaWeights.Layer w = weights.layers[layer];
        norm(b, w.ffnNorm);
        listen(b, layer, ActivationListener.Vector.FFN_IN, normed, config.embedding());
        project(b, layer, Site.GATE_IN, normed, w.gate, w.gateBias, gate, false);
        project(b, layer, Site.UP_IN, normed, w.up, w.upBias, up, false);
        int n = config.feedForward();
        boolean listened = b.listener() != null;
        if (listened) {
            rows.activate(stream, b.count(), gate, up, n);
            listen(b, layer, ActivationListener.Vector.FFN_ACT, gate, n);
            listen(b, layer, ActivationListener.Vector.FFN_UP, up, n);
        }
        rows.ffn(stream, b.count(), gate, up, n, listened, threshold(b, layer, Site.FFN_ACT),
                threshold(b, layer, Site.DOWN_IN), x, stride(n), rowCounts, total(b, layer, Site.FFN_ACT.ordinal()));
        multiply(w.down, b.count(), w.downBias, hidden.address(), config.embedding(), true);
        if (layer == config.layers() - 1) {
            count(b);
        }
    }

    private void count(Batch b) {
        if (b.counter() == null) {
            return;
        }
        if (b.thresholds() != null) {
            driver.synchronize(stream);
            driver.copyToHost(MemorySegment.ofArray(total), totals, 0);
        } else {
            Arrays.fill(total, 0);
        }
        counts.batch(b, total);
    }

    private void listen(Batch b, int layer, ActivationListener.Vector vector, DeviceMemory from, int width) {
        if (b.listener() != null) {
            int n = b.count() * width;
            if (seen.length < n) {
                seen = new float[n];
            }
            host.copy(from, 0, seen, 0, n);
            b.listener().activation(layer, vector, seen, b.count(), width, width);
        }
    }

    /** Returns where a row's hidden state lies. */
    DeviceMemory hidden(int row) {
        return hidden.slice(4L * row * config.embedding(), 4L * config.embedding());
    }

    /** Computes logits of rows {@code from … from+count-1}, {@code [count][vocabulary]}. */
    void logits(int from, int count, float[] out) {
        int width = config.embedding();
        rows.norm(stream, from + count, hidden, weights.outputNorm, config.normEpsilon(), width, normed);
        for (int r = 0; r < count; r += LOGIT_ROWS) {
            int n = Math.min(LOGIT_ROWS, count - r);
            DeviceMemory first = normed.slice(4L * (from + r) * width, 4L * n * width);
            rows.split(stream, n, first, width, 0, x, stride(width), null, 0);
            masked = -1;
            multiply(weights.head, n, null, logits.address(), config.vocabulary(), false);
            host.copy(logits, 0, out, r * config.vocabulary(), n * config.vocabulary());
        }
    }
}
