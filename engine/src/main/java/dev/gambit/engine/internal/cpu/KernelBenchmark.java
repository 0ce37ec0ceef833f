package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Times the sparse kernels alone: each layout, weight type and shape at several skipped fractions, against the dense
 * product of the same matrix, with the machine's raw read speed and its <em>skip roofline</em> (random halves of runs of a
 * given length) beside them. Matrices are rotated so that the weights come from memory, and masks change with every call.
 */
public final class KernelBenchmark {

    /** One line of the result. */
    public record Row(
            String kernel,
            String type,
            int inputs,
            int outputs,
            double skipped,
            double microseconds,
            double gigabytesPerSecond,
            double timeRatio,
            double bytesRatio) {}

    /** Read speed of the machine. */
    public record Roofline(String what, double gigabytesPerSecond) {}

    private static final double[] SKIPPED = {0, 0.3, 0.5, 0.7, 0.9};
    private static final int[][] SHAPES = {{576, 1536}, {4096, 14336}};
    private static final GgmlType[] TYPES = {GgmlType.F32, GgmlType.BF16, GgmlType.Q8_0, GgmlType.Q4_0};
    private static final int[] RUNS = {320, 576, 1216, 2304, 4096, 8192};
    private static final long ROTATED_BYTES = 160L << 20;
    private static final long MIN_NANOS = 250_000_000;

    private final Kernels kernels = KernelProvider.kernels();
    private final WorkerTeam team;
    private final SplittableRandom random = new SplittableRandom(1);

    private KernelBenchmark(WorkerTeam team) {
        this.team = team;
    }

    /**
     * Runs the benchmark and prints its tables.
     *
     * @param out where to
     * @param threads workers, at least 1
     * @param format {@code md} or {@code csv}
     * @param reads only the machine's read speed
     */
    public static void run(PrintStream out, int threads, String format, boolean reads) {
        boolean csv = format.equals("csv");
        try (WorkerTeam team = new WorkerTeam(threads)) {
            KernelBenchmark b = new KernelBenchmark(team);
            out.println(csv ? "read,gb_per_s" : "| read, " + threads + " threads | GB/s |\n| --- | ---: |");
            for (Roofline r : b.rooflines()) {
                String v = String.format(Locale.ROOT, "%.1f", r.gigabytesPerSecond);
                out.println(csv ? r.what + "," + v : "| " + r.what + " | " + v + " |");
            }
            if (reads) {
                return;
            }
            out.println(
                    csv
                            ? "kernel,type,inputs,outputs,skipped,us,gb_per_s,time_ratio,bytes_ratio"
                            : "\n| kernel (" + b.kernels.name()
                                    + ") | type | inputs x outputs | skipped | us | GB/s | time / dense |"
                                    + " bytes / dense |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |");
            for (int[] shape : SHAPES) {
                for (GgmlType type : TYPES) {
                    for (Layout layout : new Layout[] {Layout.ROWS, Layout.COLUMNS}) {
                        for (Row r : b.measure(type, shape[0], shape[1], layout)) {
                            out.println(line(r, csv));
                            out.flush();
                        }
                    }
                    for (Row r : b.channels(type, shape[0], shape[1])) {
                        out.println(line(r, csv));
                        out.flush();
                    }
                }
            }
        }
    }

    private static String line(Row r, boolean csv) {
        String form = csv
                ? "%s,%s,%d,%d,%.1f,%.1f,%.1f,%.3f,%.3f"
                : "| %s | %s | %d x %d | %.0f %% | %.1f | %.1f | %.2f | %.2f |";
        return String.format(
                Locale.ROOT,
                form,
                r.kernel,
                r.type,
                r.inputs,
                r.outputs,
                csv ? r.skipped : r.skipped * 100,
                r.microseconds,
                r.gigabytesPerSecond,
                r.timeRatio,
                r.bytesRatio);
    }

    /** Measures how fast memory can be read: all of it in order, and a random half of runs of several lengths, four side by side. */
    List<Roofline> rooflines() {
        List<Roofline> result = new ArrayList<>();
        long size = 512L << 20;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = OffHeap.allocate(size, arena);
            memory.fill((byte) 1);
            int chunks = 64;
            long chunk = size / chunks;
            long[] sums = new long[chunks];
            double nanos = time(() -> team.run(
                    chunks, (t, worker) -> sums[t] = kernels.sum(memory, t * chunk, (t + 1) * chunk)));
            result.add(new Roofline("sequential", size / nanos));
            for (int run : RUNS) {
                long perChunk = chunk / run;
                long[] starts = new long[(int) perChunk];
                int n = 0;
                for (int i = 0; i < perChunk; i++) {
                    starts[n] = (long) i * run;
                    n += random.nextBoolean() ? 1 : 0;
                }
                int kept = n / 4 * 4;
                nanos = time(() -> team.run(chunks, (t, worker) -> {
                    long at = t * chunk;
                    long sum = 0;
                    for (int i = 0; i < kept; i += 4) {
                        sum += kernels.sum(
                                memory, at + starts[i], at + starts[i + 1], at + starts[i + 2], at + starts[i + 3],
                                run);
                    }
                    sums[t] = sum;
                }));
                result.add(new Roofline("random half of runs of " + run + " B", (double) kept * run * chunks / nanos));
            }
            if (Arrays.stream(sums).sum() == 1) {
                throw new IllegalStateException("the sums are used, so that they are computed");
            }
        }
        return result;
    }

    /** The median time of a call, in nanoseconds, after a warm-up. */
    private static double time(Runnable call) {
        return time(List.of(call))[0];
    }

    /** The median time of each call, in nanoseconds, after a warm-up: they take turns, so that a slow moment slows all of them. */
    private static double[] time(List<Runnable> calls) {
        WarmUp.run(() -> calls.forEach(Runnable::run));
        List<List<Long>> times = new ArrayList<>();
        calls.forEach(call -> times.add(new ArrayList<>()));
        long until = System.nanoTime() + MIN_NANOS * calls.size();
        do {
            for (int i = 0; i < calls.size(); i++) {
                long start = System.nanoTime();
                calls.get(i).run();
                times.get(i).add(System.nanoTime() - start);
            }
        } while (System.nanoTime() < until || times.get(0).size() < 5);
        return times.stream()
                .mapToDouble(t -> t.stream().sorted().skip(t.size() / 2).findFirst().orElseThrow())
                .toArray();
    }

    private List<Row> measure(GgmlType type, int inputs, int outputs, Layout layout) {
        List<Row> rows = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment raw = randomWeights(type, inputs, outputs, arena);
            int copies = (int) Math.max(1, Math.min(64, ROTATED_BYTES / raw.byteSize()));
            int padded = (outputs + PackedMatrix.TILE - 1) / PackedMatrix.TILE * PackedMatrix.TILE;
            PackedMatrix[] sparse = new PackedMatrix[copies];
            PackedMatrix[] dense = new PackedMatrix[copies];
            for (int i = 0; i < copies; i++) {
                sparse[i] = Packer.pack(
                        type, raw, inputs, outputs, layout, layout == Layout.ROWS ? PackedMatrix.TILE : padded, arena,
                        team);
                dense[i] = Packer.pack(
                        type, raw, inputs, outputs, Layout.COLUMNS, PackedMatrix.TILE, arena, team);
            }
            float[] x = new float[inputs];
            for (int i = 0; i < inputs; i++) {
                x[i] = (float) random.nextDouble(-1, 1);
            }
            float[] y = new float[padded];
            int[] turn = {0};
            Kept all = new Kept(inputs).select(x, inputs, null);
            long denseBytes = dense[0].byteSize();
            List<Runnable> calls = new ArrayList<>();
            calls.add(() -> columns(dense[turn[0]++ % copies], all, y));
            List<Masks> levels = masks(layout == Layout.ROWS ? outputs : inputs, x);
            for (Masks masks : levels) {
                if (layout == Layout.ROWS) {
                    RowStrips strips = sparse[0].strips;
                    float[] prepared = new float[strips.preparedLength];
                    float[] sums = new float[strips.count * RowStrips.LANES];
                    strips.prepare(x, 0, prepared, sums);
                    calls.add(() -> {
                        int t = turn[0]++;
                        rows(sparse[t % copies], prepared, sums, masks.lists[t % masks.lists.length]);
                    });
                } else {
                    calls.add(() -> {
                        int t = turn[0]++;
                        columns(sparse[t % copies], masks.kept[t % masks.kept.length], y);
                    });
                }
            }
            double[] nanos = time(calls);
            for (int i = 0; i < SKIPPED.length; i++) {
                double bytes = levels.get(i).fraction()
                        * (layout == Layout.ROWS
                                ? (double) outputs * sparse[0].strips.recordBytes
                                : (double) sparse[0].plane.bytes((long) inputs * padded))
                        + (layout == Layout.ROWS ? 0 : (double) sparse[0].groups() * sparse[0].scaleBytesPerGroup());
                rows.add(new Row(
                        layout == Layout.ROWS ? "rows (up)" : "columns (q, o, down)",
                        type.name(),
                        inputs,
                        outputs,
                        SKIPPED[i],
                        nanos[i + 1] / 1e3,
                        bytes / nanos[i + 1],
                        nanos[i + 1] / nanos[0],
                        bytes / denseBytes));
            }
        }
        return rows;
    }

    /** Up and down of an FFN's channels, in the records that a sparse model of wide layers keeps them in. */
    private List<Row> channels(GgmlType type, int width, int channels) {
        List<Row> rows = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment raw = randomWeights(type, width, channels, arena);
            int copies = (int) Math.max(1, Math.min(64, ROTATED_BYTES / raw.byteSize() / 2));
            Packer.Channels[] sparse = new Packer.Channels[copies];
            PackedMatrix[] up = new PackedMatrix[copies];
            PackedMatrix[] down = new PackedMatrix[copies];
            for (int i = 0; i < copies; i++) {
                sparse[i] = Packer.packChannels(
                        type, raw, type, raw, width, channels, WeightMemory.single(arena), team);
                up[i] = Packer.pack(type, raw, width, channels, Layout.COLUMNS, PackedMatrix.TILE, arena, team);
                down[i] = Packer.pack(type, raw, channels, width, Layout.COLUMNS, PackedMatrix.TILE, arena, team);
            }
            float[] x = new float[width];
            float[] activation = new float[channels];
            Arrays.fill(x, 0.5f);
            Arrays.fill(activation, 0.25f);
            float[] y = new float[Math.max(up[0].paddedOutputs, down[0].paddedOutputs)];
            int[] turn = {0};
            Kept all = new Kept(width).select(x, width, null);
            Kept allDown = new Kept(channels).select(activation, channels, null);
            long denseBytes = up[0].byteSize() + down[0].byteSize();
            RowStrips strips = sparse[0].up().strips;
            float[] prepared = new float[strips.preparedLength];
            float[] sums = new float[strips.count * RowStrips.LANES];
            strips.prepare(x, 0, prepared, sums);
            List<Runnable> calls = new ArrayList<>();
            calls.add(() -> {
                int t = turn[0]++ % copies;
                columns(up[t], all, y);
                columns(down[t], allDown, y);
            });
            List<Masks> levels = masks(channels, activation);
            for (Masks masks : levels) {
                calls.add(() -> {
                    int t = turn[0]++;
                    Kept kept = masks.kept[t % masks.kept.length];
                    channels(sparse[t % copies], prepared, sums, masks.lists[t % masks.lists.length], kept);
                });
            }
            double[] nanos = time(calls);
            PackedMatrix d = sparse[0].down();
            for (int i = 0; i < SKIPPED.length; i++) {
                double bytes = levels.get(i).fraction() * channels
                        * (strips.recordBytes + d.plane.bytes(d.paddedOutputs))
                        + (double) d.groups() * d.scaleBytesPerGroup();
                rows.add(new Row(
                        "channels (up and down)", type.name(), width, channels, SKIPPED[i], nanos[i + 1] / 1e3,
                        bytes / nanos[i + 1], nanos[i + 1] / nanos[0], bytes / denseBytes));
            }
        }
        return rows;
    }

    private List<Masks> masks(int of, float[] x) {
        return Arrays.stream(SKIPPED).mapToObj(skipped -> new Masks(random, of, skipped, x)).toList();
    }

    private void channels(Packer.Channels w, float[] x, float[] sums, int[] list, Kept kept) {
        int group = w.down().group;
        int groups = w.down().groups();
        int perTask = Math.max(1, (groups + 15) / 16);
        team.run((groups + perTask - 1) / perTask, (task, worker) -> {
            float[] y = new float[w.down().paddedOutputs];
            float[] out = new float[group];
            int[] rows = new int[group];
            for (int g = task * perTask; g < Math.min(groups, (task + 1) * perTask); g++) {
                int from = kept.start[g * group / Kept.UNIT];
                int end = kept.start[(g + 1) * group / Kept.UNIT];
                System.arraycopy(list, from, rows, 0, end - from);
                kernels.rows(w.up(), x, sums, rows, end - from, out);
                kernels.columns(w.down(), kept, g, g + 1, 0, w.down().tiles(), y, 0);
            }
        });
    }

    /** Several random masks of one density, as row lists and as kept inputs. */
    private static final class Masks {
        final int[][] lists = new int[16][];
        final Kept[] kept = new Kept[16];
        private final int of;

        Masks(SplittableRandom random, int of, double skipped, float[] x) {
            this.of = of;
            for (int m = 0; m < lists.length; m++) {
                int n = 0;
                int[] list = new int[of];
                float[] thresholds = new float[of];
                for (int i = 0; i < of; i++) {
                    boolean keep = random.nextDouble() >= skipped;
                    list[n] = i;
                    n += keep ? 1 : 0;
                    thresholds[i] = keep ? -1f : Float.POSITIVE_INFINITY;
                }
                lists[m] = Arrays.copyOf(list, n);
                kept[m] = x.length == of ? new Kept(of).select(x, of, thresholds) : null;
            }
        }

        double fraction() {
            long n = 0;
            for (int[] list : lists) {
                n += list.length;
            }
            return (double) n / lists.length / of;
        }
    }

    private static MemorySegment randomWeights(GgmlType type, int inputs, int outputs, Arena arena) {
        MemorySegment raw = arena.allocate(type.bytes((long) inputs * outputs), 64);
        SplittableRandom r = new SplittableRandom(7);
        for (long p = 0; p + 8 <= raw.byteSize(); p += 8) {
            raw.set(ValueLayout.JAVA_LONG_UNALIGNED, p, r.nextLong() & 0x3f3f3f3f3f3f3f3fL);
        }
        return raw;
    }

    private void columns(PackedMatrix w, Kept x, float[] y) {
        int run = Math.max(1, w.tiles() / (team.size() * 6));
        team.run((w.tiles() + run - 1) / run, (task, worker) -> kernels.columns(w, x, 0, w.groups(), task * run, Math
                .min(w.tiles(), (task + 1) * run), y, 0));
    }

    private void rows(PackedMatrix w, float[] x, float[] sums, int[] list) {
        int run = 128;
        team.run((list.length + run - 1) / run, (task, worker) -> {
            int n = Math.min(run, list.length - task * run);
            kernels.rows(w, x, sums, Arrays.copyOfRange(list, task * run, task * run + n), n, new float[n]);
        });
    }
}
