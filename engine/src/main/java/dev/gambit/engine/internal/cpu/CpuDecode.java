package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Rope;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.sparsity.Site;
import java.util.Arrays;

/**
 * The steps for one position of each of a few sequences: matrix–vector products that skip what the thresholds let them.
 * What a task reads of the weights, it multiplies with the rows of all sequences, one after the other or a few at a time, so
 * that memory delivers it once. Each row's sums are taken in the same order as if it were alone: its bits do not depend on
 * the others.
 */
final class CpuDecode {

    /** Positions an attention task covers; a fixed number, so that sums do not depend on the team. */
    private static final int ATTENTION_SPAN = 256;

    private final ModelConfig config;
    private final CpuWeights weights;
    private final Kernels kernels;
    private final WorkerTeam team;
    private final Rope rope;
    private final ColumnProducts products;
    private final DecodeFfn ffn;
    private final BytesRead bytes;
    private final float[][] scores;
    private final float[][] cacheScratch;
    private final long headBytes;
    private final long layerBytes;
    private final int widest;

    private DecodeRow[] rows = new DecodeRow[0];
    private int n;

    CpuDecode(ModelConfig config, CpuWeights weights, Kernels kernels, WorkerTeam team, Rope rope) {
        this.config = config;
        this.weights = weights;
        this.kernels = kernels;
        this.team = team;
        this.rope = rope;
        headBytes = weights.head.byteSize() + 4L * weights.outputNorm.length;
        layerBytes = weights.byteSize() - headBytes;
        products = new ColumnProducts(kernels, team);
        ffn = new DecodeFfn(config, weights, kernels, team);
        bytes = new BytesRead(Math.max(config.embedding(), config.attentionWidth()));
        scores = new float[team.size()][config.heads() / config.kvHeads() * ATTENTION_SPAN];
        cacheScratch =
                new float[team.size()][KvLayer.scratchLength(config.keyLength(), config.valueLength())];
        int most = 0;
        for (CpuWeights.Layer l : weights.layers) {
            for (PackedMatrix m : new PackedMatrix[] {l.q, l.k, l.v, l.o, weights.head}) {
                most = Math.max(most, ColumnProducts.wide(m) ? m.paddedOutputs : 0);
            }
        }
        widest = most;
        reserve(1);
    }

    private void reserve(int count) {
        int had = rows.length;
        if (had >= count) {
            return;
        }
        rows = Arrays.copyOf(rows, count);
        int parts = ColumnProducts.MATRICES * ColumnProducts.INPUT_PARTS;
        for (int r = had; r < count; r++) {
            rows[r] = new DecodeRow(config, weights, rope.pairs(), ffn.slices(), parts, widest);
        }
        products.reserve(count);
    }

    /** Begins a pass with one position of each sequence. */
    void embed(Batch... batches) {
        reserve(batches.length);
        n = batches.length;
        team.run(n, (r, worker) -> {
            rows[r].batch = batches[r];
            weights.embedding(batches[r].tokens()[0], rows[r].hidden, 0);
            if (batches[r].counter() != null) {
                batches[r].counter().denseBytes(layerBytes);
            }
        });
    }

    /** Takes over the hidden state of a batch's position, for its logits. */
    void hidden(float[] from, int offset) {
        System.arraycopy(from, offset, rows[0].hidden, 0, config.embedding());
    }

    void qkv(int layer) {
        CpuWeights.Layer l = weights.layers[layer];
        team.run(n, (r, worker) -> beforeQkv(layer, l, r));
        products.multiply(n, l.q, l.k, l.v);
        count(l.q, 0);
        count(l.k, 1);
        count(l.v, 2);
        team.run(n, (r, worker) -> afterQkv(layer, rows[r]));
    }

    private void beforeQkv(int layer, CpuWeights.Layer l, int r) {
        DecodeRow row = rows[r];
        kernels.rmsNorm(row.hidden, 0, config.embedding(), l.attnNorm, config.normEpsilon(), row.normed, 0);
        Kept forQ = keep(row, row.keptQ, row.normed, l.q, layer, Site.Q_IN);
        Kept forK = row.same(layer, Site.K_IN, Site.Q_IN)
                ? forQ
                : keep(row, row.keptK, row.normed, l.k, layer, Site.K_IN);
        Kept forV = row.same(layer, Site.V_IN, Site.K_IN)
                ? forK
                : keep(row, row.keptV, row.normed, l.v, layer, Site.V_IN);
        DecodeRow.start(row.q, l.qBias);
        DecodeRow.start(row.k, l.kBias);
        DecodeRow.start(row.v, l.vBias);
        products.put(0, r, forQ, row.q, row.partSums);
        products.put(1, r, forK, row.k, row.partSums);
        products.put(2, r, forV, row.v, row.partSums);
    }

    private Kept keep(DecodeRow row, Kept kept, float[] x, PackedMatrix w, int layer, Site site) {
        return row.keep(kernels, weights.cached, kept, x, w, layer, site);
    }

    /** Counts the weights that each row used and the bytes that were read for all, shared among them. */
    private void count(PackedMatrix w, int input) {
        Kept[] x = products.inputs(input);
        for (int r = 0; r < n; r++) {
            SparsityCounter c = rows[r].counter();
            if (c != null) {
                c.weights((long) x[r].kept() * w.outputs, (long) w.inputs * w.outputs);
            }
        }
        share(bytes.columns(w, x, n, 0, w.groups()));
    }

    private void share(long read) {
        for (int r = 0; r < n; r++) {
            if (rows[r].counter() != null) {
                rows[r].counter().bytes(read * (r + 1) / n - read * r / n);
            }
        }
    }

    private void afterQkv(int layer, DecodeRow row) {
        int position = row.batch.start();
        if (layer == 0) {
            rope.angles(position, row.cos, row.sin);
        }
        for (int h = 0; h < config.heads(); h++) {
            rope.rotate(row.q, h * config.keyLength(), row.cos, row.sin);
        }
        KvLayer kv = ((CpuKvCache) row.batch.cache()).layers[layer];
        for (int h = 0; h < config.kvHeads(); h++) {
            rope.rotate(row.k, h * config.keyLength(), row.cos, row.sin);
            kv.put(h, position, row.k, h * config.keyLength(), row.v, h * config.valueLength());
        }
    }

    void attend(int layer) {
        int group = config.heads() / config.kvHeads();
        // A partial result: for each head the sum of weights and their maximum, then the weighted values.
        int record = group * (config.valueLength() + 2);
        float scale = (float) (1 / Math.sqrt(config.keyLength()));
        int[] firstTask = new int[n + 1];
        for (int r = 0; r < n; r++) {
            int tasks = config.kvHeads() * spans(rows[r]);
            firstTask[r + 1] = firstTask[r] + tasks;
            if (rows[r].partial.length < tasks * record) {
                rows[r].partial = new float[tasks * record * 2];
            }
        }
        team.run(firstTask[n], (task, worker) -> {
            int r = 0;
            while (task >= firstTask[r + 1]) {
                r++;
            }
            DecodeRow row = rows[r];
            int t = task - firstTask[r];
            int p0 = t / config.kvHeads() * ATTENTION_SPAN;
            int p1 = Math.min(row.batch.start() + 1, p0 + ATTENTION_SPAN);
            KvLayer kv = ((CpuKvCache) row.batch.cache()).layers[layer];
            attendSpan(row, kv, t % config.kvHeads(), p0, p1, group, scale, t * record, worker);
        });
        team.run(n, (r, worker) -> {
            DecodeRow row = rows[r];
            Arrays.fill(row.attention, 0, config.attentionWidth(), 0f);
            for (int head = 0; head < config.heads(); head++) {
                combine(row, head / group, head % group, group, record, config.valueLength());
            }
        });
    }

    private static int spans(DecodeRow row) {
        return (row.batch.start() + ATTENTION_SPAN) / ATTENTION_SPAN;
    }

    private void attendSpan(
            DecodeRow row, KvLayer kv, int head, int p0, int p1, int group, float scale, int at, int worker) {
        float[] s = scores[worker];
        float[] scratch = cacheScratch[worker];
        float[] partial = row.partial;
        int count = p1 - p0;
        kernels.scores(kv, head, p0, p1, row.q, head * group * config.keyLength(), group, scale, s, ATTENTION_SPAN,
                scratch);
        for (int g = 0; g < group; g++) {
            float max = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < count; i++) {
                max = Math.max(max, s[g * ATTENTION_SPAN + i]);
            }
            partial[at + 2 * g] = max;
            partial[at + 2 * g + 1] = kernels.softmaxNumerators(s, g * ATTENTION_SPAN, count, max);
        }
        int values = at + 2 * group;
        Arrays.fill(partial, values, values + group * config.valueLength(), 0f);
        kernels.weightedValues(kv, head, p0, p1, s, ATTENTION_SPAN, group, partial, values, scratch);
    }

    /** Joins the spans of one query head, in order. */
    private void combine(DecodeRow row, int head, int g, int group, int record, int width) {
        float[] partial = row.partial;
        float[] attention = row.attention;
        int spans = spans(row);
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

    void output(int layer) {
        CpuWeights.Layer l = weights.layers[layer];
        team.run(n, (r, worker) -> {
            DecodeRow row = rows[r];
            Kept kept = keep(row, row.keptO, row.attention, l.o, layer, Site.O_IN);
            products.put(0, r, kept, row.hidden, row.partSums);
        });
        products.multiply(n, l.o);
        count(l.o, 0);
        for (int r = 0; r < n && l.oBias != null; r++) {
            kernels.add(rows[r].hidden, 0, l.oBias, 0, config.embedding());
        }
    }

    void ffn(int layer) {
        CpuWeights.Layer l = weights.layers[layer];
        team.run(n, (r, worker) -> {
            DecodeRow row = rows[r];
            kernels.rmsNorm(row.hidden, 0, config.embedding(), l.ffnNorm, config.normEpsilon(), row.normed, 0);
            row.forFirst = keep(row, row.keptQ, row.normed, l.gate, layer, Site.GATE_IN);
            row.forSecond = row.same(layer, Site.UP_IN, Site.GATE_IN)
                    ? row.forFirst
                    : keep(row, row.keptK, row.normed, l.up, layer, Site.UP_IN);
            products.put(0, r, row.forFirst, row.normed, row.partSums);
            products.put(1, r, row.forSecond, row.normed, row.partSums);
        });
        ffn.run(layer, rows, n, products.inputs(0), products.inputs(1));
        long read = ffn.bytesRead() + bytes.columns(l.gate, products.inputs(0), n, 0, l.gate.groups());
        if (l.up.layout == PackedMatrix.Layout.COLUMNS) {
            read += bytes.columns(l.up, products.inputs(1), n, 0, l.up.groups());
        }
        share(read + 4L * (l.attnNorm.length + l.ffnNorm.length));
        for (int r = 0; r < n; r++) {
            if (rows[r].counter() != null) {
                ffn.count(layer, rows[r]);
            }
        }
    }

    /** Writes the logits of the hidden state that {@link #hidden} took over. */
    void logits(float[] out) {
        n = 1;
        logits(new float[][] {out}, false);
    }

    /**
     * Writes the rows' logits.
     *
     * @param out {@code [vocabulary]} each; null where nobody asks
     * @param counted whether to count the bytes
     */
    void logits(float[][] out, boolean counted) {
        int[] wanted = new int[n];
        int m = 0;
        for (int r = 0; r < n; r++) {
            if (out[r] != null) {
                wanted[m++] = r;
            }
        }
        if (m == 0) {
            return;
        }
        int count = m;
        team.run(count, (i, worker) -> {
            DecodeRow row = rows[wanted[i]];
            kernels.rmsNorm(
                    row.hidden, 0, config.embedding(), weights.outputNorm, config.normEpsilon(), row.normed, 0);
            Arrays.fill(row.logits, 0f);
            products.put(0, i, row.keptQ.select(row.normed, config.embedding(), null), row.logits, row.partSums);
        });
        products.multiply(count, weights.head);
        team.run(count, (i, worker) -> {
            DecodeRow row = rows[wanted[i]];
            System.arraycopy(row.logits, 0, out[wanted[i]], 0, config.vocabulary());
            if (counted && row.counter() != null) {
                row.counter().bytes(headBytes * (i + 1) / count - headBytes * i / count);
                row.counter().denseBytes(headBytes);
            }
        });
    }
}
