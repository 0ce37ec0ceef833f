package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.internal.model.ModelConfig;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Gets the vector kernels compiled on a thread of its own, by calling them on small blank matrices of the forms that the
 * model's have, until each is faster than the plain loops; then {@link StartingKernels} hands over to them.
 */
final class KernelWarmUp implements AutoCloseable {

    /** After this the vector kernels take over in any case. */
    private static final long LIMIT_NANOS = 5_000_000_000L;
    /** Calls at a time. They are short, as it is mostly their number that makes the JIT compiler take notice. */
    private static final int CALLS = 20;

    private static final int POSITIONS = KvLayer.BLOCK;

    /** A call of a kernel with arguments of its own. */
    @FunctionalInterface
    private interface Call {
        void run(Kernels kernels);
    }

    private final StartingKernels kernels;
    private final Thread thread;
    private volatile boolean closed;

    /** Starts the thread. */
    KernelWarmUp(StartingKernels kernels, List<PackedMatrix> forms, ModelConfig config) {
        this.kernels = kernels;
        thread = new Thread(() -> {
            try (Arena arena = Arena.ofShared()) {
                run(products(forms, arena), others(config, arena));
            }
        }, "gambit-warm-up");
        thread.setDaemon(true);
        thread.start();
    }

    /** First the products, which take nearly all of the time, then the rest. */
    private void run(List<Call> products, List<Call> others) {
        long end = System.nanoTime() + LIMIT_NANOS;
        if (compile(products, end)) {
            kernels.vectorProducts();
            if (compile(others, end)) {
                kernels.finish();
            }
        }
    }

    /** Calls kernels in turn until each is fast; returns false when it was told to end. */
    private boolean compile(List<Call> calls, long end) {
        Kernels plain = new ScalarKernels(Lanes.N);
        Kernels vector = new VectorKernels();
        while (!calls.isEmpty() && System.nanoTime() < end) {
            for (int i = calls.size() - 1; i >= 0; i--) {
                if (closed) {
                    return false;
                }
                if (time(calls.get(i), vector) < time(calls.get(i), plain)) {
                    calls.remove(i);
                }
            }
        }
        return true;
    }

    private static long time(Call call, Kernels kernels) {
        long start = System.nanoTime();
        for (int i = 0; i < CALLS; i++) {
            call.run(kernels);
        }
        return System.nanoTime() - start;
    }

    private static List<Call> products(List<PackedMatrix> matrices, Arena arena) {
        List<Call> calls = new ArrayList<>();
        Set<List<Object>> forms = new HashSet<>();
        for (PackedMatrix m : matrices) {
            add(calls, forms, m, arena);
        }
        return calls;
    }

    private static List<Call> others(ModelConfig config, Arena arena) {
        List<Call> calls = new ArrayList<>();
        math(calls, config.embedding());
        attention(calls, config, arena);
        return calls;
    }

    private static void add(List<Call> calls, Set<List<Object>> forms, PackedMatrix m, Arena arena) {
        List<Object> form =
                List.of(m.plane, m.layout, m.scaling, m.hasMin, m.zero, m.group, m.streams(), m.recordStride > 0);
        if (forms.add(form)) {
            calls.add(m.layout == PackedMatrix.Layout.ROWS ? rows(m, arena) : columns(m, arena));
        }
    }

    private static Call columns(PackedMatrix m, Arena arena) {
        PackedMatrix w = Packer.blank(m, m.group, m.streams() ? m.outputs : PackedMatrix.TILE, arena);
        float[] x = new float[w.inputs];
        java.util.Arrays.fill(x, 1f);
        Kept all = new Kept(w.inputs).select(x, 0, w.inputs, null);
        float[] y = new float[w.paddedOutputs];
        return kernels -> kernels.columns(w, all, 0, w.groups(), 0, w.tiles(), y, 0);
    }

    private static Call rows(PackedMatrix m, Arena arena) {
        PackedMatrix w = Packer.blank(m, Math.min(m.inputs, 512), PackedMatrix.TILE, arena);
        float[] x = new float[w.strips.preparedLength];
        float[] sums = new float[w.strips.count * RowStrips.LANES];
        int[] rows = new int[8];
        java.util.Arrays.setAll(rows, i -> i);
        float[] out = new float[rows.length];
        return kernels -> kernels.rows(w, x, sums, rows, rows.length, out);
    }

    private static void math(List<Call> calls, int n) {
        float[] x = new float[(n + 63) / 64 * 64];
        float[] y = new float[x.length];
        calls.add(kernels -> kernels.rmsNorm(x, 0, n, y, 1e-5f, y, 0));
        calls.add(kernels -> kernels.silu(x, 0, n));
        calls.add(kernels -> kernels.softmaxNumerators(new float[n], 0, n, 0f));
    }

    private static void attention(List<Call> calls, ModelConfig config, Arena arena) {
        int group = config.heads() / config.kvHeads();
        KvLayer kv = new KvLayer(KvCacheType.F16, KvCacheType.F16, 1, config.keyLength(), config.valueLength(),
                POSITIONS, arena);
        float[] q = new float[group * config.keyLength()];
        float[] scores = new float[group * POSITIONS];
        float[] out = new float[group * config.valueLength()];
        float[] scratch = new float[KvLayer.scratchLength(config.keyLength(), config.valueLength())];
        calls.add(kernels -> kernels.scores(kv, 0, 0, POSITIONS, q, 0, group, 1f, scores, POSITIONS, scratch));
        calls.add(kernels -> kernels.weightedValues(
                kv, 0, 0, POSITIONS, new float[scores.length], POSITIONS, group, out, 0, scratch));
    }

    /** Ends the thread, which looks up between two calls, and waits for it. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
