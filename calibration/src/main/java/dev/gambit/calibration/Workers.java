package dev.gambit.calibration;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Splits ranges over threads, the calling one included. Results must not depend on where the cuts are. */
final class Workers implements AutoCloseable {

    /** Work on {@code from … to-1}. */
    @FunctionalInterface
    interface Task {
        /**
         * @param worker who runs it, from 0 to {@link Workers#size} - 1: an index for scratch memory
         */
        void run(int from, int to, int worker);
    }

    private final int size;
    private final ExecutorService others;

    /**
     * @param threads number of threads; 0 for the processors this process may use
     */
    Workers(int threads) {
        size = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        others = Executors.newFixedThreadPool(Math.max(1, size - 1), r -> {
            Thread t = new Thread(r, "gambit-calibration");
            t.setDaemon(true);
            return t;
        });
    }

    int size() {
        return size;
    }

    /** Cuts {@code 0 … n-1} into one part a worker and returns when all are done. */
    void run(int n, Task task) {
        List<Future<?>> pending = new ArrayList<>();
        int parts = Math.max(1, Math.min(size, n));
        for (int p = 1; p < parts; p++) {
            int part = p;
            pending.add(others.submit(() -> task.run(cut(n, part, parts), cut(n, part + 1, parts), part)));
        }
        Throwable thrown = null;
        try {
            task.run(0, cut(n, 1, parts), 0);
        } catch (RuntimeException | Error e) {
            thrown = e;
        }
        for (Future<?> f : pending) {
            thrown = await(f, thrown);
        }
        switch (thrown) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(thrown);
        }
    }

    private static int cut(int n, int part, int parts) {
        return (int) ((long) n * part / parts);
    }

    /** Waits without giving way to an interrupt: the parts write to memory that the caller goes on using. */
    private static Throwable await(Future<?> future, Throwable earlier) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    future.get();
                    return earlier;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    return earlier == null ? e.getCause() : earlier;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        others.shutdown();
    }
}
