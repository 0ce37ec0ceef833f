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
import dev.gambit.cuda.BatchRows;
import dev.gambit.cuda.DeviceMatrix;
import dev.gambit.cuda.FfnGateUp;
import dev.gambit.cuda.GemvRows;
import dev.gambit.cuda.InputVector;
import dev.gambit.cuda.KernelModules;
import dev.gambit.cuda.MatrixLayout;
import dev.gambit.cuda.Pick;
import dev.gambit.cuda.Product;
import dev.gambit.cuda.SiteThresholds;
import dev.gambit.cuda.SparseGemvCols;
import dev.gambit.cuda.StepBegin;
import dev.gambit.cuda.StepLayout;
import dev.gambit.cuda.SplitWorkspace;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.Likeliest;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
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
    private final StepTimes times;
    private final StepBegin begin;
    private final AttendStep attend;
    private final BatchRows batchRows;
    private final Pick pick;
    private final KernelModules kernels;
    private final SplitWorkspace workspace;

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
    private final DeviceMemory ticket;
    private final DeviceMemory partial;
    private final DeviceMemory tickets;
    final DeviceMemory logits;

    private final int[] kept;
    private final Map<Integer, CudaGraphExec> graphs = new HashMap<>();

    /** The step in flight that was begun before its token was known to the host; null for none. */
    private Ahead ahead;

    private int calm = CALM;

    private record Ahead(long step, CudaKvCache cache, int token, int position, Thresholds thresholds) {}

    CudaDecode(
            Gpu gpu,
            KernelModules kernels,
            CudaStream stream,
            ModelConfig config,
            AttentionShape shape,
            CudaWeights weights,
            DeviceThresholds thresholds,
            DeviceArena arena,
            int contextLength) {
        driver = gpu.driver();
        this.kernels = kernels;
        this.stream = stream;
        this.config = config;
        this.weights = weights;
        this.thresholds = thresholds;
        counts = new CudaCounts(config, weights);
        kept = new int[config.layers() * Site.COUNT];
        ring = new StepRing(driver, stream, arena, kept.length);
        times = new StepTimes(driver, stream);
        begin = new StepBegin(kernels, weights.embedding);
        attend = new AttendStep(kernels, shape);
        batchRows = new BatchRows(kernels);
        pick = new Pick(kernels, config.vocabulary());
        int widest = Math.max(
                config.queryWidth() + config.keyWidth() + config.valueWidth(),
                Math.max(2 * config.feedForward(), config.embedding()));
        workspace = new SplitWorkspace(driver, stream, SplitWorkspace.bytes(widest));
        step = arena.zeroed(StepLayout.STEP_BYTES);
        cosine = arena.floats(weights.ropePairs);
        sine = arena.floats(weights.ropePairs);
        counters = thresholds == null ? arena.zeroed(4L * kept.length) : thresholds.counters();
        hidden = arena.floats(config.embedding());
        q = arena.floats(config.queryWidth());
        k = arena.floats(config.keyWidth());
        v = arena.floats(config.valueWidth());
        attention = arena.floats(config.attentionWidth());
        gate = arena.floats(config.feedForward());
        product = arena.floats(config.feedForward());
        best = arena.allocate(pick.bestBytes());
        ticket = arena.zeroed(4);
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
        long n = launch(b.tokens()[0], b.start(), 1, cache, b.thresholds());
        ring.await(n);
        count(b, n);
    }

    /** The same, and the likeliest tokens. */
    void step(Batch b, Likeliest next) {
        StepEvent event = new StepEvent();
        event.begin();
        CudaKvCache cache = (CudaKvCache) b.cache();
        Thresholds t = b.thresholds();
        Ahead a = ahead;
        ahead = null;
        long n;
        if (a != null && a.equals(new Ahead(a.step, cache, b.tokens()[0], b.start(), t))) {
            n = a.step;
            calm++;
        } else {
            calm = a == null ? calm + 1 : 0;
            cache.reserve(b.start() + 1);
            n = launch(b.tokens()[0], b.start(), next.wanted, cache, t);
        }
        long following = 0;
        if (next.greedy && calm >= CALM && b.start() + 2 <= cache.capacity()) {
            cache.reserve(b.start() + 2);
            following = launch(-1, b.start() + 1, next.wanted, cache, t);
        }
        event.queued = following > 0 && !ring.isDone(n);
        long from = System.nanoTime();
        ring.await(n);
        event.waited = System.nanoTime() - from;
        ring.read(n, next);
        count(b, n);
        event.commit();
        times.record(n);
        if (following > 0 && next.count > 0) {
            ahead = new Ahead(following, cache, next.tokens[0], b.start() + 1, t);
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

    private long launch(int token, int position, int candidates, CudaKvCache cache, Thresholds t) {
        CudaGraphExec graph = graph(bucket(position + 1), t != null);
        if (t != null) {
            thresholds.use(t);
        }
        long n = ring.submit(token, position, candidates, cache);
        times.start(n);
        driver.launch(graph, stream);
        times.end(n);
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
                cosine, sine, counters, t == null ? 0 : kept.length, hidden);
        for (int l = 0; l < config.layers(); l++) {
            CudaWeights.Layer w = weights.layers[l];
            multiply(
                    normed(hidden, w.attnNorm),
                    List.of(
                            Product.store(w.q, site(t, l, Site.Q_IN), q).withBias(w.qBias),
                            Product.store(w.k, site(t, l, Site.K_IN), k).withBias(w.kBias),
                            Product.store(w.v, site(t, l, Site.V_IN), v).withBias(w.vBias)));
            attend.launch(stream, step, l, q, k, v, cosine, sine, attention, partial, tickets, bucket);
            multiply(
                    InputVector.plain(attention, config.attentionWidth()),
                    List.of(Product.add(w.o, site(t, l, Site.O_IN), hidden).withBias(w.oBias)));
            ffn(l, w, t);
        }
        multiply(normed(hidden, weights.outputNorm), List.of(Product.store(weights.head, null, logits)));
        pick.launch(stream, step, logits, best, ticket, ring.reports.deviceView(), ring.reportBytes, counters,
                t == null ? 0 : kept.length);
    }

    private void ffn(int l, CudaWeights.Layer w, DeviceThresholds t) {
        InputVector in = normed(hidden, w.ffnNorm);
        SiteThresholds acts = site(t, l, Site.FFN_ACT);
        SiteThresholds downs = site(t, l, Site.DOWN_IN);
        // What the activations' thresholds skip is exactly zero in the product; by rows that needs no mask.
        boolean zeros = downs == null && acts != null && w.down.layout() == MatrixLayout.COLUMNS;
        Product down = Product.add(w.down, zeros ? t.zero() : downs, hidden).withBias(w.downBias);
        if (w.up.layout() == MatrixLayout.COLUMNS) {
            // By columns: what the inputs' thresholds skip is not read, and down makes the product as it reads it.
            multiply(
                    in,
                    List.of(
                            Product.store(w.gate, site(t, l, Site.GATE_IN), gate).withBias(w.gateBias),
                            Product.store(w.up, site(t, l, Site.UP_IN), product).withBias(w.upBias)));
            multiply(InputVector.activated(gate, product, Activation.SILU, config.feedForward()), List.of(down));
            return;
        }
        boolean apart = w.gate.layout() == MatrixLayout.COLUMNS || w.gate.form() != w.up.form();
        if (apart) {
            multiply(
                    in,
                    List.of(Product.store(w.gate, site(t, l, Site.GATE_IN), gate)
                            .withBias(w.gateBias)
                            .withActivation(Activation.SILU)));
        }
        SiteThresholds ups = site(t, l, Site.UP_IN);
        if (ups != null) {
            batchRows.countNormed(stream, hidden, w.ffnNorm, config.normEpsilon(), config.embedding(), ups);
        }
        new FfnGateUp(
                apart ? null : w.gate,
                w.up,
                apart ? null : w.gateBias,
                w.upBias,
                apart ? gate : null,
                acts,
                apart ? null : site(t, l, Site.GATE_IN),
                ups,
                Activation.SILU,
                product)
                        .prepare(kernels, in)
                        .run(stream);
        multiply(InputVector.plain(product, config.feedForward()), List.of(down));
    }

    private InputVector normed(DeviceMemory x, DeviceMemory weight) {
        return InputVector.normed(x, weight, config.normEpsilon(), config.embedding());
    }

    private static SiteThresholds site(DeviceThresholds t, int layer, Site site) {
        return t == null ? null : t.get(layer, site);
    }

    /** Multiplies several matrices with one vector, in one launch for each form and layout. */
    private void multiply(InputVector in, List<Product> products) {
        List<Product> left = new ArrayList<>(products);
        while (!left.isEmpty()) {
            DeviceMatrix first = left.getFirst().matrix();
            List<Product> alike = new ArrayList<>();
            for (Product p : left) {
                if (p.matrix().form() == first.form() && p.matrix().layout() == first.layout()) {
                    alike.add(p);
                }
            }
            left.removeAll(alike);
            if (first.layout() == MatrixLayout.COLUMNS) {
                SparseGemvCols.prepare(kernels, in, alike, workspace).run(stream);
            } else {
                GemvRows.prepare(kernels, in, null, alike).run(stream);
            }
        }
    }

    /** Computes the logits of a hidden state somewhere else on the device into {@link #logits}. */
    void logitsOf(DeviceMemory hiddenState) {
        multiply(normed(hiddenState, weights.outputNorm), List.of(Product.store(weights.head, null, logits)));
    }

    @Override
    public void close() {
        graphs.values().forEach(CudaGraphExec::close);
        graphs.clear();
        times.close();
    }
}
