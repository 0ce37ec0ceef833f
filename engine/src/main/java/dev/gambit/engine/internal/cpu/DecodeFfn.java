package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.SparsityCounter;
import dev.gambit.engine.sparsity.Site;
import java.util.Arrays;

/**
 * The FFN of a decode pass, in one parallel region: a slice of channels goes from gate to down, for all rows while its
 * weights are in the cache. Slices are a fixed number and added in order.
 */
final class DecodeFfn {

    /** Slices of an FFN's channels, each with an accumulator of its own: as many for any number of threads. */
    private static final int FFN_SLICES = 32;
    /** Channels that go from up to down together: the inputs of {@code down} that share its scales. */
    private static final int CHANNELS = 32;

    private final ModelConfig config;
    private final CpuWeights weights;
    private final Kernels kernels;
    private final WorkerTeam team;
    /** Tiles of a slice. */
    private final int perSlice;
    private final int tiles;
    private final int slices;
    private final Worker[] workers;
    private final long[] sliceBytes;

    private DecodeRow[] rows;
    private int n;

    /** One worker's scratch memory. */
    private static final class Worker {
        final BytesRead bytes;
        Scratch[] rows = new Scratch[0];
        Kept[] kept;
        float[][] gate;
        float[][] up;
        float[][] sums;

        Worker(int feedForward) {
            bytes = new BytesRead(feedForward);
        }

        void reserve(int n, int channels, int feedForward) {
            int had = rows.length;
            if (had >= n) {
                return;
            }
            rows = Arrays.copyOf(rows, n);
            for (int r = had; r < n; r++) {
                rows[r] = new Scratch(channels, feedForward);
            }
            kept = new Kept[n];
            gate = new float[n][];
            up = new float[n][];
            for (int r = 0; r < n; r++) {
                kept[r] = rows[r].kept;
                gate[r] = rows[r].gate;
                up[r] = rows[r].up;
            }
            sums = new float[n][];
        }
    }

    /** A row's scratch memory in a slice. */
    private static final class Scratch {
        final float[] gate;
        final float[] up;
        final float[] products;
        final int[] channels;
        final Kept kept;

        Scratch(int channels, int feedForward) {
            gate = new float[channels];
            up = new float[channels];
            products = new float[channels];
            this.channels = new int[channels];
            kept = new Kept(channels, feedForward);
        }
    }

    DecodeFfn(ModelConfig config, CpuWeights weights, Kernels kernels, WorkerTeam team) {
        this.config = config;
        this.weights = weights;
        this.kernels = kernels;
        this.team = team;
        tiles = weights.layers[0].gate.tiles();
        perSlice = sliceChannels(config.feedForward()) / PackedMatrix.TILE;
        slices = (tiles + perSlice - 1) / perSlice;
        sliceBytes = new long[slices];
        workers = new Worker[team.size()];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(tiles * PackedMatrix.TILE);
        }
    }

    /** Returns the channels that a task takes from gate to down. */
    static int sliceChannels(int feedForward) {
        int tiles = (feedForward + PackedMatrix.TILE - 1) / PackedMatrix.TILE;
        return (tiles + FFN_SLICES - 1) / FFN_SLICES * PackedMatrix.TILE;
    }

    int slices() {
        return slices;
    }

    /**
     * Adds the FFN to the rows' hidden states. {@code forFirst} and {@code forSecond} are what gate and up read of the normed
     * input.
     */
    void run(int layer, DecodeRow[] all, int count, Kept[] forGate, Kept[] forUp) {
        rows = all;
        n = count;
        CpuWeights.Layer l = weights.layers[layer];
        if (l.up.layout == Layout.ROWS) {
            team.run(n, (r, worker) -> prepare(l, rows[r]));
        }
        team.run(slices, (task, worker) -> slice(layer, task, workers[worker], forGate, forUp));
        team.run(n, (r, worker) -> addUp(l, rows[r]));
    }

    private void prepare(CpuWeights.Layer l, DecodeRow row) {
        float[] x = row.normed;
        Kept forUp = row.forSecond;
        if (forUp.kept() < config.embedding()) {
            Arrays.fill(row.maskedUp, 0f);
            for (int i = 0; i < forUp.count(); i++) {
                row.maskedUp[forUp.index[i]] = forUp.value[i];
            }
            x = row.maskedUp;
        }
        l.up.strips.prepare(x, 0, row.prepared, row.preparedSums);
    }

    private void addUp(CpuWeights.Layer l, DecodeRow row) {
        for (float[] sum : row.sliceSums) {
            kernels.add(row.hidden, 0, sum, 0, row.hidden.length);
        }
        if (l.downBias != null) {
            kernels.add(row.hidden, 0, l.downBias, 0, config.embedding());
        }
    }

    /** A slice's channels from gate to down. */
    private void slice(int layer, int slice, Worker w, Kept[] forGate, Kept[] forUp) {
        CpuWeights.Layer l = weights.layers[layer];
        w.reserve(n, perSlice * PackedMatrix.TILE, tiles * PackedMatrix.TILE);
        int tile0 = slice * perSlice;
        int tile1 = Math.min(tiles, tile0 + perSlice);
        int first = tile0 * PackedMatrix.TILE;
        int channels = Math.min(config.feedForward(), tile1 * PackedMatrix.TILE) - first;
        for (int r = 0; r < n; r++) {
            Arrays.fill(w.gate[r], 0f);
            w.sums[r] = rows[r].sliceSums[slice];
            Arrays.fill(w.sums[r], 0f);
            rows[r].sliceActivations[slice] = 0;
            rows[r].sliceDown[slice] = 0;
        }
        sliceBytes[slice] = 0;
        kernels.columns(l.gate, forGate, n, 0, l.gate.groups(), tile0, tile1, w.gate, -first);
        for (int r = 0; r < n; r++) {
            if (l.gateBias != null) {
                kernels.add(w.gate[r], 0, l.gateBias, first, channels);
            }
            ScalarMath.activate(config.activation(), kernels, w.gate[r], 0, w.gate[r].length);
        }
        if (l.up.layout == Layout.ROWS) {
            byRecords(layer, l, slice, w, first, channels);
            return;
        }
        for (int r = 0; r < n; r++) {
            Arrays.fill(w.up[r], 0f);
        }
        kernels.columns(l.up, forUp, n, 0, l.up.groups(), tile0, tile1, w.up, -first);
        for (int r = 0; r < n; r++) {
            DecodeRow row = rows[r];
            float[] acts = row.thresholds(layer, Site.FFN_ACT);
            float[] downs = row.thresholds(layer, Site.DOWN_IN);
            if (!whole(l, row, slice, w.rows[r], first, channels, acts, downs)) {
                Scratch s = w.rows[r];
                int kept = keepActivations(s, first, first, channels, acts);
                for (int i = 0; i < kept; i++) {
                    s.products[i] = s.up[s.channels[i] - first];
                }
                row.sliceActivations[slice] += kept;
                row.sliceDown[slice] += keepDown(s, l, first, first, channels, kept, downs);
            }
        }
        addDown(l, slice, w, first, channels);
    }

    /** A few channels at a time from up to down: what one needs of both lies together. */
    private void byRecords(int layer, CpuWeights.Layer l, int slice, Worker w, int first, int channels) {
        for (int c = first; c < first + channels; c += CHANNELS) {
            int count = Math.min(CHANNELS, first + channels - c);
            long read = 0;
            for (int r = 0; r < n; r++) {
                DecodeRow row = rows[r];
                Scratch s = w.rows[r];
                int kept = keepActivations(s, first, c, count, row.thresholds(layer, Site.FFN_ACT));
                kernels.rows(l.up, row.prepared, row.preparedSums, s.channels, kept, s.products);
                for (int i = 0; i < kept; i++) {
                    read |= 1L << (s.channels[i] - c);
                }
                row.sliceActivations[slice] += kept;
                row.sliceDown[slice] += keepDown(s, l, first, c, count, kept, row.thresholds(layer, Site.DOWN_IN));
            }
            sliceBytes[slice] += Long.bitCount(read) * l.up.strips.recordBytes;
            addDown(l, slice, w, c, count);
        }
    }

    /** Goes through all of a slice's channels, those below their thresholds as zeros, where that is the faster way. */
    private boolean whole(
            CpuWeights.Layer l,
            DecodeRow row,
            int slice,
            Scratch s,
            int first,
            int channels,
            float[] actThresholds,
            float[] downThresholds) {
        int kept = actThresholds == null
                ? channels
                : kernels.mask(s.gate, 0, actThresholds, first, channels, s.gate, 0);
        if (kept < channels && (weights.cached || !Kept.fillsGaps(l.down, kept, channels))) {
            return false;
        }
        float[] products = s.products;
        System.arraycopy(s.up, 0, products, 0, channels);
        if (l.upBias != null) {
            kernels.add(products, 0, l.upBias, first, channels);
        }
        kernels.multiply(products, 0, s.gate, 0, channels);
        int keptDown = downThresholds == null
                ? kept
                : kernels.mask(products, 0, downThresholds, first, channels, products, 0);
        if (keptDown < channels && (weights.cached || !Kept.fillsGaps(l.down, keptDown, channels))) {
            return false;
        }
        s.kept.whole(products, first, channels, keptDown);
        row.sliceActivations[slice] += kept;
        row.sliceDown[slice] += keptDown;
        return true;
    }

    /** Adds the columns of down for the entries that lie in the rows' {@link Kept}, of channels from {@code c} on. */
    private void addDown(CpuWeights.Layer l, int slice, Worker w, int c, int count) {
        int g0 = c / l.down.group;
        int g1 = (c + count + l.down.group - 1) / l.down.group;
        kernels.columns(l.down, w.kept, n, g0, g1, 0, l.down.tiles(), w.sums, 0);
        sliceBytes[slice] += w.bytes.columns(l.down, w.kept, n, g0, g1);
    }

    /** Lists those of {@code count} channels from {@code c} on whose activation is above its threshold. */
    private static int keepActivations(Scratch s, int first, int c, int count, float[] thresholds) {
        int kept = 0;
        for (int i = c; i < c + count; i++) {
            s.channels[kept] = i;
            kept += thresholds == null ? 1 : Kept.above(Float.floatToRawIntBits(s.gate[i - first]), thresholds[i]);
        }
        return kept;
    }

    /** Multiplies gate and up of the kept channels and compacts the products that down reads. */
    private static int keepDown(
            Scratch s, CpuWeights.Layer l, int first, int c, int count, int rows, float[] downThresholds) {
        Kept kept = s.kept;
        int n = 0;
        int r = 0;
        for (int u = c / Kept.UNIT; u * Kept.UNIT < c + count; u++) {
            kept.start[u] = n;
            float sum = 0;
            int end = Math.min((u + 1) * Kept.UNIT, c + count);
            for (; r < rows && s.channels[r] < end; r++) {
                int channel = s.channels[r];
                float up = l.upBias == null ? s.products[r] : s.products[r] + l.upBias[channel];
                float h = s.gate[channel - first] * up;
                int bits = Float.floatToRawIntBits(h);
                int keep = downThresholds == null ? 1 : Kept.above(bits, downThresholds[channel]);
                // The entry is written in any case and overwritten by the next: no branch to mispredict.
                kept.index[n] = channel;
                kept.value[n] = h;
                sum += Float.intBitsToFloat(bits & -keep);
                n += keep;
            }
            kept.sum[u] = sum;
            kept.start[u + 1] = n;
            kept.start[u + 2] = n;
        }
        kept.put(n, n);
        return n;
    }

    /** Returns the bytes that the slices read of the last layer: of down, and of up where it lies by rows. */
    long bytesRead() {
        long sum = 0;
        for (long b : sliceBytes) {
            sum += b;
        }
        return sum;
    }

    /** Counts a row's channels and weights of a layer. */
    void count(int layer, DecodeRow row) {
        SparsityCounter c = row.counter();
        long activations = Arrays.stream(row.sliceActivations).sum();
        long down = Arrays.stream(row.sliceDown).sum();
        long matrix = (long) config.embedding() * config.feedForward();
        c.weights((long) row.forFirst.kept() * config.feedForward(), matrix);
        c.weights(row.forSecond.kept() * activations, matrix);
        c.weights(down * config.embedding(), matrix);
        if (row.thresholds(layer, Site.FFN_ACT) != null) {
            c.site(layer, Site.FFN_ACT, activations, config.feedForward());
            c.sparseKernel();
        }
        if (row.thresholds(layer, Site.DOWN_IN) != null) {
            c.site(layer, Site.DOWN_IN, down, config.feedForward());
            c.sparseKernel();
        }
    }
}
