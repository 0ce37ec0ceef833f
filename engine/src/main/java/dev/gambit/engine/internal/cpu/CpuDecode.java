package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Arrays;

/** The steps for one position: matrix–vector products that skip what the thresholds let them. */
final class CpuDecode {

    /** Slices of an FFN's channels, each with an accumulator of its own: as many for any number of threads. */
    private static final int FFN_SLICES = 32;
    /** Channels that go from up to down together: the inputs of {@code down} that share its scales. */
    private static final int CHANNELS = 32;
    /** Parts that a matrix of wide panels is cut into along its inputs; a fixed number, as sums depend on it. */
    private static final int INPUT_PARTS = 8;
    /** Positions an attention task covers; a fixed number, so that sums do not depend on the team. */
    private static final int ATTENTION_SPAN = 256;

    private final ModelConfig config;
    private final CpuWeights weights;
    private final Kernels kernels;
    private final WorkerTeam team;
    private final Rope rope;

    private final float[] hidden;
    private final float[] normed;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] attention;
    private final float[] logits;
    private final float[] cos;
    private final float[] sin;
    private final Kept keptQ;
    private final Kept keptK;
    private final Kept keptV;
    private final Kept keptO;
    private final float[] prepared;
    private final float[] preparedSums;
    private final float[] maskedUp;
    private final Slice[] slices;
    private final FfnWorker[] workers;
    private final float[][] scores;
    private final float[][] cacheScratch;
    private final long headBytes;
    private final long layerBytes;
    private final float[][] partSums;
    private float[] partial = new float[0];

    /** A slice of the FFN's channels and what it adds to the residual. */
    private static final class Slice {
        final int tile0;
        final int tile1;
        final float[] sum;
        long keptActivations;
        long keptDown;
        long bytes;

        Slice(int tile0, int tile1, int width) {
            this.tile0 = tile0;
            this.tile1 = tile1;
            sum = new float[width];
        }
    }

    /** One worker's scratch memory in the FFN. */
    private static final class FfnWorker {
        final float[] gate;
        final float[] up;
        final float[] products;
        final int[] rows;
        final Kept kept;

        FfnWorker(int channels, int feedForward) {
            gate = new float[channels];
            up = new float[channels];
            products = new float[channels];
            rows = new int[channels];
            kept = new Kept(feedForward);
        }
    }

    CpuDecode(ModelConfig config, CpuWeights weights, Kernels kernels, WorkerTeam team, Rope rope) {
        this.config = config;
        this.weights = weights;
        this.kernels = kernels;
        this.team = team;
        this.rope = rope;
        headBytes = weights.head.byteSize() + 4L * weights.outputNorm.length;
        layerBytes = weights.byteSize() - headBytes;
        int e = pad(config.embedding());
        hidden = new float[e];
        normed = new float[e];
        q = new float[pad(config.queryWidth())];
        k = new float[pad(config.keyWidth())];
        v = new float[pad(config.valueWidth())];
        attention = new float[pad(config.attentionWidth())];
        logits = new float[pad(config.vocabulary())];
        cos = new float[rope.pairs()];
        sin = new float[rope.pairs()];
        keptQ = new Kept(config.embedding());
        keptK = new Kept(config.embedding());
        keptV = new Kept(config.embedding());
        keptO = new Kept(config.attentionWidth());
        CpuWeights.Layer first = weights.layers[0];
        int length = 0;
        int strips = 0;
        // Layers may be of different types, and strips are padded differently then.
        for (CpuWeights.Layer l : weights.layers) {
            length = Math.max(length, l.up.layout == Layout.ROWS ? l.up.strips.preparedLength : 0);
            strips = Math.max(strips, l.up.layout == Layout.ROWS ? l.up.strips.count : 0);
        }
        prepared = new float[length];
        preparedSums = new float[strips * RowStrips.LANES];
        maskedUp = new float[e];
        scores = new float[team.size()][config.heads() / config.kvHeads() * ATTENTION_SPAN];
        cacheScratch =
                new float[team.size()][KvLayer.scratchLength(config.keyLength(), config.valueLength())];
        partSums = new float[3 * INPUT_PARTS][];
        int widest = 0;
        for (CpuWeights.Layer l : weights.layers) {
            for (PackedMatrix m : new PackedMatrix[] {l.q, l.k, l.v, l.o, weights.head}) {
                widest = Math.max(widest, wide(m) ? m.paddedOutputs : 0);
            }
        }
        for (int i = 0; i < partSums.length; i++) {
            partSums[i] = new float[widest];
        }
        int tiles = first.gate.tiles();
        int perSlice = (tiles + FFN_SLICES - 1) / FFN_SLICES;
        slices = new Slice[(tiles + perSlice - 1) / perSlice];
        for (int i = 0; i < slices.length; i++) {
            slices[i] = new Slice(i * perSlice, Math.min(tiles, (i + 1) * perSlice), e);
        }
        workers = new FfnWorker[team.size()];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new FfnWorker(perSlice * PackedMatrix.TILE, tiles * PackedMatrix.TILE);
        }
    }

    private static int pad(int n) {
        return (n + PackedMatrix.TILE - 1) / PackedMatrix.TILE * PackedMatrix.TILE;
    }

    void embed(Batch b) {
        weights.embedding(b.tokens()[0], hidden, 0);
        if (b.counter() != null) {
            b.counter().denseBytes(layerBytes);
        }
    }

    /** Takes over the hidden state of a batch's position, for its logits. */
    void hidden(float[] from, int offset) {
        System.arraycopy(from, offset, hidden, 0, config.embedding());
    }

    void qkv(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        kernels.rmsNorm(hidden, 0, config.embedding(), l.attnNorm, config.normEpsilon(), normed, 0);
        Thresholds t = b.thresholds();
        Kept forQ = keep(keptQ, normed, l.q, layer, Site.Q_IN, b);
        Kept forK = t == null || t.get(layer, Site.K_IN) == null && t.get(layer, Site.Q_IN) == null
                ? forQ
                : keep(keptK, normed, l.k, layer, Site.K_IN, b);
        Kept forV = t == null || t.get(layer, Site.V_IN) == null && t.get(layer, Site.K_IN) == null
                ? forK
                : keep(keptV, normed, l.v, layer, Site.V_IN, b);
        start(q, l.qBias);
        start(k, l.kBias);
        start(v, l.vBias);
        count(b, l.q, forQ);
        count(b, l.k, forK);
        count(b, l.v, forV);
        multiply(new PackedMatrix[] {l.q, l.k, l.v}, new Kept[] {forQ, forK, forV}, new float[][] {q, k, v});
        if (layer == 0) {
            rope.angles(b.start(), cos, sin);
        }
        for (int h = 0; h < config.heads(); h++) {
            rope.rotate(q, h * config.keyLength(), cos, sin);
        }
        KvLayer kv = ((CpuKvCache) b.cache()).layers[layer];
        for (int h = 0; h < config.kvHeads(); h++) {
            rope.rotate(k, h * config.keyLength(), cos, sin);
            kv.put(h, b.start(), k, h * config.keyLength(), v, h * config.valueLength());
        }
    }

    private Kept keep(Kept kept, float[] x, PackedMatrix w, int layer, Site site, Batch b) {
        float[] t = b.thresholds() == null ? null : b.thresholds().get(layer, site);
        int n = w.inputs;
        kept.select(x, 0, n, t);
        if (t == null) {
            return kept;
        }
        if (!weights.cached && kept.kept() < n && Kept.fillsGaps(w, kept.kept(), n)) {
            kept.whole(kept.value, 0, n, kernels.mask(x, 0, t, 0, n, kept.value, 0));
        }
        if (b.counter() != null) {
            b.counter().site(layer, site, kept.kept(), n);
            b.counter().sparseKernel();
        }
        return kept;
    }

    private static void count(Batch b, PackedMatrix w, Kept x) {
        if (b.counter() != null) {
            b.counter().weights((long) x.kept() * w.outputs, (long) w.inputs * w.outputs);
            b.counter().bytes(readBytes(w, x.count(), x.occupiedGroups(w.inputs, w.group)));
        }
    }

    /** The bytes that a column product loads. */
    private static long readBytes(PackedMatrix w, long keptInputs, long groups) {
        return keptInputs * w.plane.bytes(w.paddedOutputs) + groups * w.scaleBytesPerGroup();
    }

    private static void start(float[] y, float[] bias) {
        Arrays.fill(y, 0f);
        if (bias != null) {
            System.arraycopy(bias, 0, y, 0, bias.length);
        }
    }

    /**
     * Multiplies several matrices in one region. Narrow panels are dealt out in small runs of tiles. A wide one, whose columns
     * are runs that memory should deliver whole, is cut along its inputs, always into as many parts, each with sums of its
     * own.
     */
    private void multiply(PackedMatrix[] w, Kept[] x, float[][] y) {
        int parts = 0;
        int tiles = 0;
        for (PackedMatrix m : w) {
            parts += wide(m) ? INPUT_PARTS : 0;
            tiles += wide(m) ? 0 : m.tiles();
        }
        int run = Math.max(1, tiles / (team.size() * 6));
        int all = tiles;
        int wideParts = parts;
        team.run(parts + (tiles + run - 1) / run, (task, worker) -> {
            if (task < wideParts) {
                part(w, x, task);
                return;
            }
            int from = (task - wideParts) * run;
            int to = Math.min(all, from + run);
            int first = 0;
            for (int i = 0; i < w.length; i++) {
                if (wide(w[i])) {
                    continue;
                }
                int t0 = Math.max(from - first, 0);
                int t1 = Math.min(to - first, w[i].tiles());
                if (t0 < t1) {
                    kernels.columns(w[i], x[i], 0, w[i].groups(), t0, t1, y[i], 0);
                }
                first += w[i].tiles();
            }
        });
        int part = 0;
        for (int i = 0; i < w.length; i++) {
            for (int p = 0; wide(w[i]) && p < INPUT_PARTS; p++) {
                kernels.add(y[i], 0, partSums[part++], 0, w[i].paddedOutputs);
            }
        }
    }

    private static boolean wide(PackedMatrix m) {
        return m.panel > PackedMatrix.TILE;
    }

    private void part(PackedMatrix[] w, Kept[] x, int task) {
        int i = 0;
        for (int left = task / INPUT_PARTS; !wide(w[i]) || left > 0; i++) {
            left -= wide(w[i]) ? 1 : 0;
        }
        int p = task % INPUT_PARTS;
        int groups = w[i].groups();
        float[] sums = partSums[task];
        Arrays.fill(sums, 0, w[i].paddedOutputs, 0f);
        kernels.columns(w[i], x[i], groups * p / INPUT_PARTS, groups * (p + 1) / INPUT_PARTS, 0, w[i].tiles(), sums, 0);
    }

    void attend(int layer, Batch b) {
        KvLayer kv = ((CpuKvCache) b.cache()).layers[layer];
        int positions = b.start() + 1;
        int spans = (positions + ATTENTION_SPAN - 1) / ATTENTION_SPAN;
        int group = config.heads() / config.kvHeads();
        int width = config.valueLength();
        int tasks = config.kvHeads() * spans;
        // A partial result: for each head the sum of weights and their maximum, then the weighted values.
        int record = group * (width + 2);
        if (partial.length < tasks * record) {
            partial = new float[tasks * record * 2];
        }
        float scale = (float) (1 / Math.sqrt(config.keyLength()));
        team.run(tasks, (task, worker) -> {
            int head = task % config.kvHeads();
            int p0 = task / config.kvHeads() * ATTENTION_SPAN;
            int p1 = Math.min(positions, p0 + ATTENTION_SPAN);
            attendSpan(kv, head, p0, p1, group, scale, task * record, worker);
        });
        Arrays.fill(attention, 0, config.attentionWidth(), 0f);
        for (int head = 0; head < config.kvHeads(); head++) {
            for (int g = 0; g < group; g++) {
                combine(head, g, group, spans, record, width);
            }
        }
    }

    private void attendSpan(KvLayer kv, int head, int p0, int p1, int group, float scale, int at, int worker) {
        float[] s = scores[worker];
        float[] scratch = cacheScratch[worker];
        int n = p1 - p0;
        kernels.scores(kv, head, p0, p1, q, head * group * config.keyLength(), group, scale, s, ATTENTION_SPAN,
                scratch);
        for (int g = 0; g < group; g++) {
            float max = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                max = Math.max(max, s[g * ATTENTION_SPAN + i]);
            }
            partial[at + 2 * g] = max;
            partial[at + 2 * g + 1] = kernels.softmaxNumerators(s, g * ATTENTION_SPAN, n, max);
        }
        int values = at + 2 * group;
        Arrays.fill(partial, values, values + group * config.valueLength(), 0f);
        kernels.weightedValues(kv, head, p0, p1, s, ATTENTION_SPAN, group, partial, values, scratch);
    }

    /** Joins the spans of one query head, in order. */
    private void combine(int head, int g, int group, int spans, int record, int width) {
        float max = Float.NEGATIVE_INFINITY;
        for (int s = 0; s < spans; s++) {
            max = Math.max(max, partial[(s * config.kvHeads() + head) * record + 2 * g]);
        }
        float sum = 0;
        int out = (head * group + g) * width;
        for (int s = 0; s < spans; s++) {
            int at = (s * config.kvHeads() + head) * record;
            float factor = spans == 1 ? 1f : (float) Math.exp(partial[at + 2 * g] - max);
            sum += factor * partial[at + 2 * g + 1];
            int values = at + 2 * group + g * width;
            for (int d = 0; d < width; d++) {
                attention[out + d] += factor * partial[values + d];
            }
        }
        for (int d = 0; d < width; d++) {
            attention[out + d] /= sum;
        }
    }

    void output(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        Kept kept = keep(keptO, attention, l.o, layer, Site.O_IN, b);
        count(b, l.o, kept);
        multiply(new PackedMatrix[] {l.o}, new Kept[] {kept}, new float[][] {hidden});
        if (l.oBias != null) {
            kernels.add(hidden, 0, l.oBias, 0, config.embedding());
        }
    }

    void ffn(int layer, Batch b) {
        CpuWeights.Layer l = weights.layers[layer];
        int e = config.embedding();
        kernels.rmsNorm(hidden, 0, e, l.ffnNorm, config.normEpsilon(), normed, 0);
        Thresholds t = b.thresholds();
        Kept forGate = keep(keptQ, normed, l.gate, layer, Site.GATE_IN, b);
        Kept forUp = t == null || t.get(layer, Site.UP_IN) == null && t.get(layer, Site.GATE_IN) == null
                ? forGate
                : keep(keptK, normed, l.up, layer, Site.UP_IN, b);
        float[] actThresholds = t == null ? null : t.get(layer, Site.FFN_ACT);
        float[] downThresholds = t == null ? null : t.get(layer, Site.DOWN_IN);
        boolean byRows = l.up.layout == Layout.ROWS;
        if (byRows) {
            float[] x = normed;
            if (forUp.kept() < e) {
                Arrays.fill(maskedUp, 0f);
                for (int i = 0; i < forUp.count(); i++) {
                    maskedUp[forUp.index[i]] = forUp.value[i];
                }
                x = maskedUp;
            }
            l.up.strips.prepare(x, 0, prepared, preparedSums);
        }
        team.run(slices.length, (task, worker) -> slice(l, slices[task], workers[worker], forGate, forUp, actThresholds,
                downThresholds));
        for (Slice s : slices) {
            kernels.add(hidden, 0, s.sum, 0, hidden.length);
        }
        if (l.downBias != null) {
            kernels.add(hidden, 0, l.downBias, 0, e);
        }
        if (b.counter() != null) {
            countFfn(b.counter(), layer, l, forGate, forUp, actThresholds, downThresholds);
        }
    }

    /** A slice's channels from gate to down. */
    private void slice(
            CpuWeights.Layer l,
            Slice s,
            FfnWorker w,
            Kept forGate,
            Kept forUp,
            float[] actThresholds,
            float[] downThresholds) {
        int first = s.tile0 * PackedMatrix.TILE;
        int channels = Math.min(config.feedForward(), s.tile1 * PackedMatrix.TILE) - first;
        float[] gate = w.gate;
        Arrays.fill(gate, 0f);
        kernels.columns(l.gate, forGate, 0, l.gate.groups(), s.tile0, s.tile1, gate, -first);
        if (l.gateBias != null) {
            kernels.add(gate, 0, l.gateBias, first, channels);
        }
        ScalarMath.activate(config.activation(), kernels, gate, 0, gate.length);
        s.keptActivations = 0;
        s.keptDown = 0;
        s.bytes = 0;
        Arrays.fill(s.sum, 0f);
        if (l.up.layout == Layout.ROWS) {
            // A few channels at a time from up to down: what one needs of both lies together.
            for (int c = first; c < first + channels; c += CHANNELS) {
                int count = Math.min(CHANNELS, first + channels - c);
                int rows = keepRows(w, first, c, count, actThresholds);
                kernels.rows(l.up, prepared, preparedSums, w.rows, rows, w.products);
                s.bytes += rows * l.up.strips.recordBytes;
                down(l, s, w, first, c, count, rows, downThresholds);
            }
            return;
        }
        float[] up = w.up;
        Arrays.fill(up, 0f);
        kernels.columns(l.up, forUp, 0, l.up.groups(), s.tile0, s.tile1, up, -first);
        if (whole(l, s, w, first, channels, actThresholds, downThresholds)) {
            return;
        }
        int rows = keepRows(w, first, first, channels, actThresholds);
        for (int r = 0; r < rows; r++) {
            w.products[r] = up[w.rows[r] - first];
        }
        down(l, s, w, first, first, channels, rows, downThresholds);
    }

    /** Goes through all of a slice's channels, those below their thresholds as zeros, where that is the faster way. */
    private boolean whole(
            CpuWeights.Layer l,
            Slice s,
            FfnWorker w,
            int first,
            int channels,
            float[] actThresholds,
            float[] downThresholds) {
        int kept = actThresholds == null
                ? channels
                : kernels.mask(w.gate, 0, actThresholds, first, channels, w.gate, 0);
        if (kept < channels && (weights.cached || !Kept.fillsGaps(l.down, kept, channels))) {
            return false;
        }
        float[] products = w.products;
        System.arraycopy(w.up, 0, products, 0, channels);
        if (l.upBias != null) {
            kernels.add(products, 0, l.upBias, first, channels);
        }
        kernels.multiply(products, 0, w.gate, 0, channels);
        int keptDown = downThresholds == null
                ? kept
                : kernels.mask(products, 0, downThresholds, first, channels, products, 0);
        if (keptDown < channels && (weights.cached || !Kept.fillsGaps(l.down, keptDown, channels))) {
            return false;
        }
        w.kept.whole(products, first, channels, keptDown);
        addDown(l, s, w, first, channels, kept, keptDown);
        return true;
    }

    /** What the kept ones of {@code count} channels from {@code c} on add to the residual. */
    private void down(
            CpuWeights.Layer l, Slice s, FfnWorker w, int first, int c, int count, int rows, float[] thresholds) {
        int kept = keepDown(w, l, first, c, count, rows, thresholds);
        addDown(l, s, w, c, count, rows, kept);
    }

    /** Adds the columns of down for the entries that lie in the worker's {@link Kept}, of channels from {@code c} on. */
    private void addDown(
            CpuWeights.Layer l, Slice s, FfnWorker w, int c, int count, int keptActivations, int keptDown) {
        s.keptActivations += keptActivations;
        s.keptDown += keptDown;
        int g0 = c / l.down.group;
        int g1 = (c + count + l.down.group - 1) / l.down.group;
        kernels.columns(l.down, w.kept, g0, g1, 0, l.down.tiles(), s.sum, 0);
        s.bytes += readBytes(l.down, w.kept.count(), occupied(w.kept, l.down, g0, g1));
    }

    /** Lists those of {@code count} channels from {@code c} on whose activation is above its threshold. */
    private static int keepRows(FfnWorker w, int first, int c, int count, float[] thresholds) {
        int rows = 0;
        for (int i = c; i < c + count; i++) {
            boolean keep = thresholds == null || Math.abs(w.gate[i - first]) > thresholds[i];
            w.rows[rows] = i;
            rows += keep ? 1 : 0;
        }
        return rows;
    }

    /** Multiplies gate and up of the kept channels and compacts the products that down reads. */
    private int keepDown(
            FfnWorker w, CpuWeights.Layer l, int first, int c, int count, int rows, float[] downThresholds) {
        Kept kept = w.kept;
        int n = 0;
        int r = 0;
        for (int u = c / Kept.UNIT; u * Kept.UNIT < c + count; u++) {
            kept.start[u] = n;
            float sum = 0;
            int end = Math.min((u + 1) * Kept.UNIT, c + count);
            for (; r < rows && w.rows[r] < end; r++) {
                int channel = w.rows[r];
                float up = l.upBias == null ? w.products[r] : w.products[r] + l.upBias[channel];
                float h = w.gate[channel - first] * up;
                boolean keep = downThresholds == null || Math.abs(h) > downThresholds[channel];
                // The entry is written in any case and overwritten by the next: no branch to mispredict.
                kept.index[n] = channel;
                kept.value[n] = keep ? h : 0f;
                sum += kept.value[n];
                n += keep ? 1 : 0;
            }
            kept.sum[u] = sum;
            kept.start[u + 1] = n;
            kept.start[u + 2] = n;
        }
        kept.put(n, n);
        return n;
    }

    private static int occupied(Kept x, PackedMatrix w, int g0, int g1) {
        int units = w.group / Kept.UNIT;
        int n = 0;
        for (int g = g0; g < g1; g++) {
            n += x.start[(g + 1) * units] > x.start[g * units] ? 1 : 0;
        }
        return n;
    }

    private void countFfn(
            SparsityCounter c,
            int layer,
            CpuWeights.Layer l,
            Kept forGate,
            Kept forUp,
            float[] actThresholds,
            float[] downThresholds) {
        long keptActivations = 0;
        long keptDown = 0;
        long bytes = readBytes(l.gate, forGate.count(), forGate.occupiedGroups(l.gate.inputs, l.gate.group));
        for (Slice s : slices) {
            keptActivations += s.keptActivations;
            keptDown += s.keptDown;
            bytes += s.bytes;
        }
        if (l.up.layout == Layout.COLUMNS) {
            bytes += readBytes(l.up, forUp.count(), forUp.occupiedGroups(l.up.inputs, l.up.group));
        }
        c.bytes(bytes + 4L * (l.attnNorm.length + l.ffnNorm.length));
        long matrix = (long) config.embedding() * config.feedForward();
        c.weights((long) forGate.kept() * config.feedForward(), matrix);
        c.weights(forUp.kept() * keptActivations, matrix);
        c.weights(keptDown * config.embedding(), matrix);
        if (actThresholds != null) {
            c.site(layer, Site.FFN_ACT, keptActivations, config.feedForward());
            c.sparseKernel();
        }
        if (downThresholds != null) {
            c.site(layer, Site.DOWN_IN, keptDown, config.feedForward());
            c.sparseKernel();
        }
    }

    /** Writes the logits of the hidden state to {@code out} from {@code offset} on. */
    void logits(float[] out, int offset, SparsityCounter counter) {
        kernels.rmsNorm(hidden, 0, config.embedding(), weights.outputNorm, config.normEpsilon(), normed, 0);
        Kept all = keptQ.select(normed, 0, config.embedding(), null);
        Arrays.fill(logits, 0f);
        multiply(new PackedMatrix[] {weights.head}, new Kept[] {all}, new float[][] {logits});
        System.arraycopy(logits, 0, out, offset, config.vocabulary());
        if (counter != null) {
            counter.bytes(headBytes);
            counter.denseBytes(headBytes);
        }
    }
}
