package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CaptureMode;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaGraph;
import dev.gambit.bindings.CudaGraphExec;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.Activation;
import dev.gambit.cuda.AttendStep;
import dev.gambit.cuda.AttentionShape;
import dev.gambit.cuda.DeviceMatrix;
import dev.gambit.cuda.Embed;
import dev.gambit.cuda.FfnGateUp;
import dev.gambit.cuda.FfnThresholds;
import dev.gambit.cuda.GemvRows;
import dev.gambit.cuda.InputVector;
import dev.gambit.cuda.KernelSource;
import dev.gambit.cuda.MatrixLayout;
import dev.gambit.cuda.Pick;
import dev.gambit.cuda.Segment;
import dev.gambit.cuda.SparseGemvCols;
import dev.gambit.cuda.StepBegin;
import dev.gambit.cuda.StepLayout;
import dev.gambit.cuda.Target;
import dev.gambit.cuda.Workspace;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.Likeliest;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A decode step: one position through all layers, its logits and the likeliest tokens, captured once as a graph for each
 * bucket of context lengths and launched with one call from then on. The graph reads what it works on from a record in
 * device memory, so that it serves every session and position of its bucket.
 */
final class CudaDecode implements AutoCloseable {

    private static final int FIRST_BUCKET = 512;
    /** Steps without a wasted one before the next is begun ahead again. */
    private static final int CALM = 16;

    private final CudaDriver driver;
    private final CudaStream stream;
    private final ModelConfig config;
    private final CudaWeights weights;
    private final DeviceThresholds thresholds;
    private final CudaCounts counts;
    private final StepRing ring;
    private final StepBegin begin;
    private final Embed embed;
    private final AttendStep attend;
    private final GemvRows rows;
    private final SparseGemvCols columns;
    private final FfnGateUp gateUp;
    private final Pick pick;
    private final Workspace workspace;

    private final DeviceMemory step;
    private final DeviceMemory cosine;
    private final DeviceMemory sine;
    private final DeviceMemory counters;
    private final DeviceMemory hidden;
    private final DeviceMemory q;
    private final DeviceMemory k;
    private final DeviceMemory v;
    private final DeviceMemory attention;
    private final DeviceMemory gate;
    private final DeviceMemory product;
    private final DeviceMemory best;
    private final DeviceMemory partial;
    private final DeviceMemory tickets;
    final DeviceMemory logits;

    private final int[] kept;
    private final Map<Integer, CudaGraphExec> graphs = new HashMap<>();

    /** The step in flight that was begun before its token was known to the host; null for none. */
    private Ahead ahead;

    private int calm = CALM;

    private record Ahead(long step, CudaKvCache cache, int token, int position, boolean sparse) {}

    CudaDecode(
            Gpu gpu,
            KernelSource kernels,
            CudaStream stream,
            ModelConfig config,
            AttentionShape shape,
            CudaWeights weights,
            DeviceThresholds thresholds,
            DeviceArena arena,
            int contextLength) {
        driver = gpu.driver();
        this.stream = stream;
        this.config = config;
        this.weights = weights;
        this.thresholds = thresholds;
        counts = new CudaCounts(config, weights);
        kept = new int[config.layers() * Site.COUNT];
        ring = new StepRing(driver, stream, arena, kept.length);
        begin = new StepBegin(kernels);
        embed = new Embed(kernels, weights.embedding);
        attend = new AttendStep(kernels, shape);
        rows = new GemvRows(kernels);
        columns = new SparseGemvCols(kernels);
        gateUp = new FfnGateUp(kernels);
        pick = new Pick(kernels, config.vocabulary());
        DeviceMemory scratch = arena.zeroed(Workspace.bytes(gpu.multiprocessors()));
        workspace = new Workspace(scratch);
        step = arena.zeroed(StepLayout.STEP_BYTES);
        cosine = arena.floats(weights.ropePairs);
        sine = arena.floats(weights.ropePairs);
        counters = arena.zeroed(4L * kept.length);
        hidden = arena.floats(config.embedding());
        q = arena.floats(config.queryWidth());
        k = arena.floats(config.keyWidth());
        v = arena.floats(config.valueWidth());
        attention = arena.floats(config.attentionWidth());
        gate = arena.floats(config.feedForward());
        product = arena.floats(config.feedForward());
        best = arena.allocate(pick.bestBytes());
        partial = arena.allocate(Math.max(attend.partialBytes(Math.min(4096, contextLength)),
                attend.partialBytes(bucket(contextLength))));
        tickets = arena.zeroed(attend.ticketBytes());
        logits = arena.floats(config.vocabulary());
    }

    private static int bucket(int positions) {
        int b = FIRST_BUCKET;
        while (b < positions) {
            b *= 2;
        }
        return b;
    }

    /** Takes a batch of one position through the model; its logits are in {@link #logits} when the stream is done. */
    void evaluate(Batch b) {
        ahead = null;
        CudaKvCache cache = (CudaKvCache) b.cache();
        cache.reserve(b.start() + 1);
        long n = launch(b.tokens()[0], b.start(), 1, cache, b.thresholds() != null);
        ring.await(n);
        count(b, n);
    }

    /** The same, and the likeliest tokens. */
    void step(Batch b, Likeliest next) {
        CudaKvCache cache = (CudaKvCache) b.cache();
        boolean sparse = b.thresholds() != null;
        Ahead a = ahead;
        ahead = null;
        long n;
        if (a != null && a.equals(new Ahead(a.step, cache, b.tokens()[0], b.start(), sparse))) {
            n = a.step;
            calm++;
        } else {
            calm = a == null ? calm + 1 : 0;
            cache.reserve(b.start() + 1);
            n = launch(b.tokens()[0], b.start(), next.wanted, cache, sparse);
        }
        long following = 0;
        if (next.greedy && calm >= CALM && b.start() + 2 <= cache.capacity()) {
            cache.reserve(b.start() + 2);
            following = launch(-1, b.start() + 1, next.wanted, cache, sparse);
        }
        ring.await(n);
        ring.read(n, next);
        count(b, n);
        if (following > 0 && next.count > 0) {
            ahead = new Ahead(following, cache, next.tokens[0], b.start() + 1, sparse);
        }
    }

    /** Forgets a step that was begun ahead, because something else follows. */
    void forgetAhead() {
        if (ahead != null) {
            ahead = null;
            calm = 0;
        }
    }

    private void count(Batch b, long n) {
        if (b.counter() != null) {
            if (b.thresholds() != null) {
                ring.counters(n, kept);
            }
            counts.step(b, kept);
        }
    }

    private long launch(int token, int position, int candidates, CudaKvCache cache, boolean sparse) {
        CudaGraphExec graph = graph(bucket(position + 1), sparse);
        long n = ring.submit(token, position, candidates, cache);
        driver.launch(graph, stream);
        return n;
    }

    private CudaGraphExec graph(int bucket, boolean sparse) {
        int key = bucket * 2 + (sparse ? 1 : 0);
        CudaGraphExec exec = graphs.get(key);
        if (exec == null) {
            exec = capture(bucket, sparse);
            graphs.put(key, exec);
        }
        return exec;
    }

    private CudaGraphExec capture(int bucket, boolean sparse) {
        driver.beginCapture(stream, CaptureMode.RELAXED);
        boolean complete = false;
        CudaGraph graph = null;
        try {
            enqueue(bucket, sparse ? thresholds : null);
            complete = true;
        } finally {
            try {
                graph = driver.endCapture(stream);
            } catch (RuntimeException e) {
                if (complete) {
                    throw e;
                }
            }
        }
        try (CudaGraph g = graph) {
            CudaGraphExec exec = driver.instantiate(g);
            driver.upload(exec, stream);
            return exec;
        }
    }

    private void enqueue(int bucket, DeviceThresholds t) {
        begin.launch(stream, step, ring.commands.deviceView(), StepRing.SLOTS, weights.ropeFrequency, weights.ropePairs,
                cosine, sine, counters, t == null ? 0 : kept.length);
        embed.launchStep(stream, step, hidden);
        for (int l = 0; l < config.layers(); l++) {
            CudaWeights.Layer w = weights.layers[l];
            products(
                    InputVector.normed(hidden.address(), w.attnNorm.address(), config.normEpsilon()),
                    List.of(
                            segment(w.q, t, l, Site.Q_IN, q, w.qBias, false),
                            segment(w.k, t, l, Site.K_IN, k, w.kBias, false),
                            segment(w.v, t, l, Site.V_IN, v, w.vBias, false)));
            attend.launch(stream, step, l, q, k, v, cosine, sine, attention, partial, tickets, bucket);
            products(
                    InputVector.plain(attention.address()),
                    List.of(segment(w.o, t, l, Site.O_IN, hidden, w.oBias, true)));
            ffn(l, w, t);
        }
        products(
                InputVector.normed(hidden.address(), weights.outputNorm.address(), config.normEpsilon()),
                List.of(segment(weights.head, null, 0, Site.Q_IN, logits, null, false)));
        pick.launch(stream, step, logits, best, ring.reports.deviceView(), ring.reportBytes, counters, kept.length);
    }

    private void ffn(int l, CudaWeights.Layer w, DeviceThresholds t) {
        InputVector in = InputVector.normed(hidden.address(), w.ffnNorm.address(), config.normEpsilon());
        long act = threshold(t, l, Site.FFN_ACT);
        long downAt = threshold(t, l, Site.DOWN_IN);
        Segment down;
        if (downAt == 0 && act != 0) {
            // What the activations' thresholds skip is exactly zero in the product.
            down = new Segment(w.down, t.zero(), 0, target(hidden, w.downBias, true), 0);
        } else {
            down = segment(w.down, t, l, Site.DOWN_IN, hidden, w.downBias, true);
        }
        if (w.up.layout() == MatrixLayout.COLUMNS) {
            // Both by columns: what the inputs' thresholds skip is not read; the product is made as down reads it.
            products(in, List.of(
                    segment(w.gate, t, l, Site.GATE_IN, gate, null, false),
                    segment(w.up, t, l, Site.UP_IN, product, null, false)));
            InputVector activated = InputVector.activated(gate.address(), product.address(), Activation.SILU);
            columns.launch(stream, activated, config.feedForward(), List.of(down), workspace);
            return;
        }
        boolean apart = w.gate.layout() == MatrixLayout.COLUMNS || w.gate.form() != w.up.form();
        if (apart) {
            products(in, List.of(segment(w.gate, t, l, Site.GATE_IN, gate, null, false)));
        }
        FfnThresholds f = new FfnThresholds(apart ? 0 : threshold(t, l, Site.GATE_IN), threshold(t, l, Site.UP_IN), act);
        gateUp.launch(stream, in, apart ? null : w.gate, gate.address(), w.up, f, Activation.SILU, product.address(),
                t == null ? 0 : counter(l, Site.FFN_ACT));
        products(InputVector.plain(product.address()), List.of(down));
    }

    private static long threshold(DeviceThresholds t, int layer, Site site) {
        return t == null ? 0 : t.get(layer, site);
    }

    private long counter(int layer, Site site) {
        return counters.address() + 4L * (layer * Site.COUNT + site.ordinal());
    }

    private static Target target(DeviceMemory to, DeviceMemory bias, boolean accumulate) {
        return new Target(to.address(), bias == null ? 0 : bias.address(), accumulate, Activation.NONE);
    }

    private Segment segment(
            DeviceMatrix m, DeviceThresholds t, int layer, Site site, DeviceMemory to, DeviceMemory bias, boolean add) {
        long at = threshold(t, layer, site);
        return new Segment(m, at, 1, target(to, bias, add), at == 0 ? 0 : counter(layer, site));
    }

    /** Multiplies several matrices with one input, in one launch for each form and layout. */
    private void products(InputVector in, List<Segment> segments) {
        List<Segment> left = new ArrayList<>(segments);
        while (!left.isEmpty()) {
            DeviceMatrix first = left.getFirst().matrix();
            List<Segment> alike = new ArrayList<>();
            for (Segment s : left) {
                if (s.matrix().form() == first.form() && s.matrix().layout() == first.layout()) {
                    alike.add(s);
                }
            }
            left.removeAll(alike);
            if (first.layout() == MatrixLayout.COLUMNS) {
                columns.launch(stream, in, first.inputs(), alike, workspace);
            } else {
                rows.launch(stream, in, first.inputs(), alike);
            }
        }
    }

    /** Computes the logits of a hidden state somewhere else on the device into {@link #logits}. */
    void logitsOf(long hiddenState) {
        products(
                InputVector.normed(hiddenState, weights.outputNorm.address(), config.normEpsilon()),
                List.of(segment(weights.head, null, 0, Site.Q_IN, logits, null, false)));
    }

    @Override
    public void close() {
        graphs.values().forEach(CudaGraphExec::close);
        graphs.clear();
    }
}
