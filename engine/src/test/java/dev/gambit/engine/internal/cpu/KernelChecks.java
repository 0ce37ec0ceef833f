package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.testing.RandomTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One table of cases that every set of kernels is put through, against plain loops in double precision over the weights as
 * {@link PackedMatrix#weight} gives them ({@link PackerTest} compares those with the file's, bit by bit). A tolerance is a
 * few units in the last place of the largest term, times what summing adds; a wrong index is a hundred times that.
 *
 * <p>Also a program of its own, {@code KernelChecks [scalar]}, for other vector widths and processors: prints a line a check.
 */
final class KernelChecks {

    /** A group of cases by the kernel they are about. */
    enum Check {
        /** Has to be the first: the others get the kernels compiled. */
        SAME_BITS_ONCE_COMPILED,
        COLUMNS,
        COLUMNS_OF_A_SLICE,
        ROWS,
        CHANNELS,
        DEQUANTISE,
        GEMM,
        RMS_NORM,
        SILU,
        ELEMENTWISE,
        SOFTMAX,
        SCORES,
        WEIGHTED_VALUES,
        KEY_PANEL,
        VALUE_PANEL,
        SUM;

        /** Returns the name of its test. */
        String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    private static final int TILE = PackedMatrix.TILE;
    /** Relative to the largest term that a sum may have, times their number. */
    private static final double EPS = 4e-7;

    private final Kernels kernels;
    private int cases;

    KernelChecks(Kernels kernels) {
        this.kernels = kernels;
    }

    /** Runs all checks and prints {@code CHECK cases} or {@code CHECK failure}, behind the kernels' name. */
    public static void main(String[] args) {
        Kernels kernels = args.length > 0 && args[0].equals("scalar") ? new ScalarKernels(16) : AgreeingKernels
                .create();
        System.out.println(kernels.name());
        for (Check check : Check.values()) {
            String result;
            try {
                result = Integer.toString(new KernelChecks(kernels).run(check));
            } catch (RuntimeException | AssertionError e) {
                result = String.valueOf(e).replace('\n', ' ');
            }
            System.out.println(check + " " + result);
        }
    }

    /** Runs one check; returns its number of cases, or throws what went wrong. */
    int run(Check check) {
        cases = 0;
        switch (check) {
            case SAME_BITS_ONCE_COMPILED -> compiled();
            case COLUMNS -> matrices(Layout.COLUMNS, false);
            case COLUMNS_OF_A_SLICE -> slices();
            case ROWS -> matrices(Layout.ROWS, false);
            case CHANNELS -> channels();
            case DEQUANTISE -> matrices(null, true);
            case GEMM -> gemm();
            case RMS_NORM -> new MathChecks(kernels, this).rmsNorm();
            case SILU -> new MathChecks(kernels, this).silu();
            case ELEMENTWISE -> new MathChecks(kernels, this).elementwise();
            case SOFTMAX -> new MathChecks(kernels, this).softmax();
            case SCORES -> new AttentionChecks(kernels, this).scores();
            case WEIGHTED_VALUES -> new AttentionChecks(kernels, this).weightedValues();
            case KEY_PANEL -> new AttentionChecks(kernels, this).keyPanel();
            case VALUE_PANEL -> new AttentionChecks(kernels, this).valuePanel();
            case SUM -> new MathChecks(kernels, this).sum();
        }
        return cases;
    }

    /** Compares a number; {@code what} is only asked for where it is wrong. */
    void near(double expected, double found, double tolerance, Supplier<String> what) {
        if (!(Math.abs(expected - found) <= tolerance)) {
            throw new AssertionError(
                    what.get() + ": expected " + expected + ", found " + found + ", tolerance " + tolerance);
        }
    }

    /** Counts a case. */
    void ran() {
        cases++;
    }

    /** Sums whose order a compiler may choose change their bits in the middle of a run. */
    private void compiled() {
        for (GgmlType type : GgmlType.values()) {
            int inputs = 3 * Math.max(128, type.blockSize());
            try (Arena arena = Arena.ofShared();
                    WorkerTeam team = new WorkerTeam(1)) {
                MemorySegment raw = RandomTensor.bytes(type, inputs, TILE, 1f, 17);
                PackedMatrix w = Packer.pack(type, raw, inputs, TILE, Layout.ROWS, TILE, arena, team);
                float[] prepared = new float[w.strips.preparedLength];
                float[] sums = new float[w.strips.count * RowStrips.LANES];
                w.strips.prepare(input(inputs, 3), 0, prepared, sums);
                int[] rows = new int[TILE];
                Arrays.setAll(rows, i -> i);
                sameBits("rows of " + type, out -> kernels.rows(w, prepared, sums, rows, TILE, out));
            }
        }
        float[] x = input(333, 1);
        sameBits("norm", out -> kernels.rmsNorm(x, 0, TILE, x, 1e-5f, out, 0));
        sameBits("softmax", out -> {
            System.arraycopy(x, 0, out, 0, TILE);
            out[0] = kernels.softmaxNumerators(out, 0, TILE, 2f);
        });
    }

    private void sameBits(String name, Consumer<float[]> kernel) {
        float[] first = new float[TILE];
        kernel.accept(first);
        float[] out = new float[TILE];
        for (int i = 0; i < 500; i++) {
            Arrays.fill(out, 0f);
            kernel.accept(out);
            if (!Arrays.equals(first, out)) {
                throw new AssertionError(name + ": other bits in run " + i);
            }
        }
        ran();
    }

    // Matrices

    private void matrices(Layout layout, boolean dequantise) {
        for (GgmlType type : GgmlType.values()) {
            int block = type.blockSize();
            int[][] shapes = block == 256
                    ? new int[][] {{256, 65}, {512, 3}, {768, 130}}
                    : new int[][] {{32, 1}, {64, 64}, {96, 100}, {160, 192}, {544, 63}, {576, 130}};
            for (int[] s : shapes) {
                matrix(type, s[0], s[1], layout, dequantise);
            }
            if (layout == Layout.COLUMNS) {
                // Columns of more than 2 KiB are walked in another way.
                int outputs = type == GgmlType.F32 ? 520 : block == 1 ? 1030 : 2050;
                matrix(type, Math.max(96, block), outputs, layout, dequantise);
            }
            if (block == 1) {
                matrix(type, 7, 65, layout, dequantise);
                matrix(type, 24, 3, layout, dequantise);
                matrix(type, 50, 64, layout, dequantise);
            }
        }
    }

    private void matrix(GgmlType type, int inputs, int outputs, Layout layout, boolean dequantise) {
        for (Layout l : layout == null ? Layout.values() : new Layout[] {layout}) {
            for (int form = 0; form < (l == Layout.ROWS ? 1 : 3); form++) {
                try (Arena arena = Arena.ofShared();
                        WorkerTeam team = new WorkerTeam(1)) {
                    MemorySegment raw = RandomTensor.bytes(type, inputs, outputs, 1f, inputs * 7L + outputs);
                    int panel = form == 1 ? (outputs + TILE - 1) / TILE * TILE : TILE;
                    WeightMemory memory = WeightMemory.single(arena);
                    PackedMatrix w = form == 2
                            ? Packer.packBlocks(type, raw, inputs, outputs, TILE, memory, team)
                            : Packer.pack(type, raw, inputs, outputs, l, panel, memory, team);
                    String name =
                            type + " " + inputs + "x" + outputs + " " + l + new String[] {"", " wide", " blocks"}[form];
                    float[][] weights = weights(w);
                    if (dequantise) {
                        dequantise(w, weights, name);
                    } else if (l == Layout.COLUMNS) {
                        columns(w, weights, name);
                    } else {
                        rows(w, weights, name);
                    }
                }
            }
        }
    }

    /** All weights, {@code [padded outputs][inputs]}. */
    private static float[][] weights(PackedMatrix w) {
        float[][] out = new float[w.paddedOutputs][w.inputs];
        for (int o = 0; o < w.paddedOutputs; o++) {
            for (int i = 0; i < w.inputs; i++) {
                out[o][i] = w.weight(i, o);
            }
        }
        return out;
    }

    private static float[] input(int n, long seed) {
        return RandomTensor.floats(n, 2f, seed);
    }

    /** Thresholds that keep nothing, one channel, every other at random, all but exact zeros, or everything. */
    private static float[] thresholds(int n, int kept) {
        if (kept == 4) {
            return null;
        }
        float[] t = new float[n];
        Arrays.fill(t, Float.POSITIVE_INFINITY);
        SplittableRandom random = new SplittableRandom(n);
        for (int i = 0; i < n; i++) {
            t[i] = switch (kept) {
                case 0 -> Float.POSITIVE_INFINITY;
                case 1 -> i == n * 2 / 3 ? 0f : Float.POSITIVE_INFINITY;
                case 2 -> (float) (random.nextDouble() * 2);
                default -> 0f;
            };
        }
        return t;
    }

    private void columns(PackedMatrix w, float[][] weights, String name) {
        Kept kept = new Kept(w.inputs);
        for (int mode = 0; mode <= 4; mode++) {
            float[] x = input(w.inputs, mode);
            float[] t = thresholds(w.inputs, mode);
            kept.select(x, w.inputs, t);
            float[] y = input(w.paddedOutputs + 5, 99);
            float[] before = y.clone();
            kernels.columns(w, kept, 0, w.groups(), 0, w.tiles(), y, 3);
            int m = mode;
            for (int o = 0; o < w.outputs; o++) {
                int output = o;
                double sum = before[3 + o];
                double size = Math.abs(sum);
                for (int i = 0; i < w.inputs; i++) {
                    boolean keep = t == null || Math.abs(x[i]) > t[i];
                    sum += keep ? (double) x[i] * weights[o][i] : 0;
                    size += keep ? Math.abs(x[i]) * largest(w) : 0;
                }
                near(sum, y[3 + o], EPS * size, () -> name + " kept " + m + " output " + output);
            }
            for (int i : new int[] {0, 1, 2, w.paddedOutputs + 3, w.paddedOutputs + 4}) {
                near(before[i], y[i], 0, () -> name + " wrote outside of its outputs");
            }
            ran();
        }
        together(w, 0, w.groups(), 0, w.tiles(), name);
    }

    /** Several vectors at once, with and without gaps, give the bits that each gives alone. */
    private void together(PackedMatrix w, int g0, int g1, int t0, int t1, String name) {
        for (int n : new int[] {1, 2, 3, 4, 6, 9}) {
            for (int gaps = 0; gaps < 3; gaps++) {
                Kept[] x = new Kept[n];
                float[][] alone = new float[n][];
                float[][] y = new float[n][];
                for (int r = 0; r < n; r++) {
                    int mode = gaps == 0 ? 4 : gaps == 1 ? (r + n) % 2 * 2 + 2 : (r + n) % 5;
                    float[] values = input(w.inputs, 0);
                    for (int i = 0; i < values.length; i++) {
                        values[i] *= 1 + r;
                    }
                    x[r] = new Kept(w.inputs).select(values, w.inputs, thresholds(w.inputs, mode));
                    alone[r] = input(w.paddedOutputs + 5, 90 + r);
                    y[r] = alone[r].clone();
                    kernels.columns(w, x[r], g0, g1, t0, t1, alone[r], 3);
                }
                kernels.columns(w, x, n, g0, g1, t0, t1, y, 3);
                for (int r = 0; r < n; r++) {
                    if (!Arrays.equals(alone[r], y[r])) {
                        throw new AssertionError(name + ": row " + r + " of " + n + " has other bits than alone");
                    }
                }
                ran();
            }
        }
    }

    /** What bounds a term before zero points and minima cancel in it: weights lie within ±1.5, minima too. */
    private static double largest(PackedMatrix w) {
        return w.plane == Plane.U4 ? 8 : w.hasMin ? 4 : 1.5;
    }

    /** Groups and tiles from the middle of a matrix, as a slice of the FFN's channels takes them. */
    private void slices() {
        for (GgmlType type : GgmlType.values()) {
            for (boolean blocks : new boolean[] {false, true}) {
                slice(type, 200, blocks);
                slice(type, 2100, blocks);
            }
        }
    }

    private void slice(GgmlType type, int outputs, boolean blocks) {
        int inputs = Math.max(192, 3 * type.blockSize());
        try (Arena arena = Arena.ofShared();
                WorkerTeam team = new WorkerTeam(1)) {
            MemorySegment raw = RandomTensor.bytes(type, inputs, outputs, 1f, 5);
            int panel = (outputs + TILE - 1) / TILE * TILE;
            WeightMemory memory = WeightMemory.single(arena);
            PackedMatrix w = blocks
                    ? Packer.packBlocks(type, raw, inputs, outputs, TILE, memory, team)
                    : Packer.pack(type, raw, inputs, outputs, Layout.COLUMNS, panel, memory, team);
            float[] x = input(inputs, 1);
            float[] t = thresholds(inputs, 2);
            Kept kept = new Kept(inputs).select(x, inputs, t);
            float[] y = new float[3 * TILE];
            int g0 = 2;
            int g1 = w.groups() - 1;
            kernels.columns(w, kept, g0, g1, 1, 3, y, -TILE);
            for (int o = 0; o < 3 * TILE; o++) {
                double sum = 0;
                for (int i = g0 * w.group; i < g1 * w.group && o < 2 * TILE; i++) {
                    sum += Math.abs(x[i]) > t[i] ? (double) x[i] * w.weight(i, TILE + o) : 0;
                }
                int output = o;
                near(sum, y[o], EPS * inputs * largest(w), () -> type + " output " + output + " of a slice");
            }
            ran();
            together(w, g0, g1, 1, 3, type + " slice");
        }
    }

    /** Up and down of an FFN in common records, of one type and of two. */
    private void channels() {
        for (GgmlType type : GgmlType.values()) {
            for (GgmlType other : new GgmlType[] {type, type == GgmlType.Q4_K ? GgmlType.Q6_K : GgmlType.Q8_0}) {
                int block = Math.max(type.blockSize(), other.blockSize());
                channels(type, other, Math.max(96, block), Math.max(160, block));
                channels(type, other, Math.max(576, 3 * block), Math.max(64, block));
                if (block == 1) {
                    channels(type, other, 50, 37);
                }
            }
        }
    }

    private void channels(GgmlType upType, GgmlType downType, int width, int channels) {
        try (Arena arena = Arena.ofShared();
                WorkerTeam team = new WorkerTeam(1)) {
            MemorySegment up = RandomTensor.bytes(upType, width, channels, 1f, width);
            MemorySegment down = RandomTensor.bytes(downType, channels, width, 1f, channels);
            Packer.Channels c = Packer.packChannels(
                    upType, up, downType, down, width, channels, WeightMemory.single(arena), team);
            String name = upType + " and " + downType + " " + width + "x" + channels;
            float[][] upWeights = weights(c.up());
            float[][] downWeights = weights(c.down());
            rows(c.up(), upWeights, name + " up");
            columns(c.down(), downWeights, name + " down");
            dequantise(c.up(), upWeights, name + " up");
            dequantise(c.down(), downWeights, name + " down");
        }
    }

    private void rows(PackedMatrix w, float[][] weights, String name) {
        float[] x = input(w.inputs + 2, 3);
        float[] prepared = new float[w.strips.preparedLength];
        float[] sums = new float[w.strips.count * RowStrips.LANES];
        w.strips.prepare(x, 1, prepared, sums);
        for (int mode = 0; mode <= 4; mode++) {
            float[] t = thresholds(w.outputs, mode);
            float[] activation = input(w.outputs, 11);
            int[] rows = new int[w.outputs];
            int n = 0;
            for (int o = 0; o < w.outputs; o++) {
                if (t == null || Math.abs(activation[o]) > t[o]) {
                    rows[n++] = o;
                }
            }
            float[] out = new float[n + 1];
            out[n] = 42;
            kernels.rows(w, prepared, sums, rows, n, out);
            for (int k = 0; k < n; k++) {
                double sum = 0;
                double size = 0;
                for (int i = 0; i < w.inputs; i++) {
                    sum += (double) x[1 + i] * weights[rows[k]][i];
                    size += Math.abs(x[1 + i]) * largest(w);
                }
                int row = rows[k];
                near(sum, out[k], EPS * size, () -> name + " row " + row);
            }
            near(42, out[n], 0, () -> name + " wrote behind its last row");
            ran();
        }
    }

    private void dequantise(PackedMatrix w, float[][] weights, String name) {
        int[][] ranges = {{0, w.inputs}, {w.inputs / 2 / w.group * w.group, w.inputs}, {0, (w.inputs + 1) / 2}};
        for (int[] range : ranges) {
            for (int tile = 0; tile < w.tiles(); tile++) {
                float[] panel = new float[(range[1] - range[0]) * TILE];
                kernels.dequantise(w, tile, range[0], range[1], panel);
                for (int i = range[0]; i < range[1]; i++) {
                    for (int o = 0; o < TILE; o++) {
                        float expected = weights[tile * TILE + o][i];
                        int input = i;
                        int output = tile * TILE + o;
                        near(
                                expected,
                                panel[(i - range[0]) * TILE + o],
                                2e-7 * (1 + Math.abs(expected)),
                                () -> name + " [" + input + "," + output + "]");
                    }
                }
            }
            ran();
        }
    }

    private void gemm() {
        for (int m : new int[] {1, 2, 3, 5, 6, 7, 13, 50, 99, 196}) {
            for (int k : new int[] {1, 3, 16, 65, 256, 300}) {
                for (boolean accumulate : new boolean[] {false, true}) {
                    int lda = k + 3;
                    int ldc = TILE + 5;
                    float[] a = input(m * lda + 2, m);
                    float[] panel = input(k * TILE, k);
                    float[] c = input(m * ldc + 4, 8);
                    float[] before = c.clone();
                    kernels.gemm(a, 2, lda, m, k, panel, c, 4, ldc, accumulate);
                    String name = "m " + m + ", k " + k + (accumulate ? ", added" : "");
                    for (int r = 0; r < m; r++) {
                        for (int o = 0; o < ldc && 4 + r * ldc + o < c.length; o++) {
                            int at = 4 + r * ldc + o;
                            double sum = accumulate || o >= TILE ? before[at] : 0;
                            for (int i = 0; i < k && o < TILE; i++) {
                                sum += (double) a[2 + r * lda + i] * panel[i * TILE + o];
                            }
                            near(sum, c[at], EPS * 4 * (k + 1), () -> name);
                        }
                    }
                    ran();
                }
            }
        }
    }
}
