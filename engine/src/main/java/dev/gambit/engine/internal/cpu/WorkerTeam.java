package dev.gambit.engine.internal.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed team of threads that runs one parallel region after another; the calling thread is worker 0. Tasks of a region
 * are handed out one by one, so a worker that the operating system has put aside holds up no more than the task it is in,
 * and results must not depend on who runs which task.
 *
 * <p>Waiting spins for a bounded time, then yields, then parks: a hand-off through an executor costs 50–80 µs where a
 * layer of a small model takes 200. When a busy neighbour holds a core, a region ends up waiting for a worker that is not running; the team notices and leaves workers out for a while.
 *
 * <p>One region runs at a time; the caller sees to that.
 */
final class WorkerTeam implements AutoCloseable {

    /** A region's work. */
    @FunctionalInterface
    interface Task {
        /**
         * @param task the number of the task, from 0
         * @param worker who runs it, from 0 to the team's size - 1: an index for scratch memory
         */
        void run(int task, int worker);
    }

    private static final int SPINS = 4_000;
    private static final int YIELDS = 200;
    /** A region that waits longer than this for the last task while nothing else is left has met a sleeping worker. */
    private static final long STRAGGLER_NANOS = 400_000;
    /** How long workers are left out after stragglers were met; doubles up to 64 times this. */
    private static final long REST_NANOS = 20_000_000;

    private final Worker[] workers;
    private final int size;

    /** Epoch in the upper half, next task in the lower; a claim from an old epoch fails. */
    private final AtomicLong next = new AtomicLong();

    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile Region region = new Region(0, 0, 0, null);
    private volatile boolean closed;

    private int epoch;
    private int strikes;
    private long restUntil;
    private long rest = REST_NANOS;

    private record Region(int epoch, int tasks, int active, Task task) {}

    /**
     * @param size number of workers, the caller included; at least 1
     */
    WorkerTeam(int size) {
        this.size = size;
        // Workers beyond the processors would only keep each other from working; results do not depend on who works.
        workers = new Worker[Math.min(size, Runtime.getRuntime().availableProcessors()) - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** Returns the number of workers that was asked for, the caller included; no more run than there are processors. */
    int size() {
        return size;
    }

    /** Runs tasks {@code 0 … tasks-1} and returns when all are done; rethrows what a task threw. */
    void run(int tasks, Task task) {
        if (closed) {
            throw new IllegalStateException("the worker team is closed");
        }
        if (tasks <= 0) {
            return;
        }
        int active = tasks == 1 ? 1 : activeWorkers();
        if (active == 1) {
            for (int t = 0; t < tasks; t++) {
                task.run(t, 0);
            }
            return;
        }
        Region r = new Region(++epoch, tasks, active, task);
        done.set(0);
        next.set((long) r.epoch << 32);
        region = r;
        for (int i = 0; i < active - 1; i++) {
            workers[i].wake();
        }
        work(r, 0);
        awaitOthers(r);
        Throwable thrown = failure.getAndSet(null);
        if (thrown != null) {
            rethrow(thrown);
        }
    }

    private int activeWorkers() {
        int all = workers.length + 1;
        if (restUntil == 0) {
            return all;
        }
        if (System.nanoTime() - restUntil < 0) {
            return Math.max(1, all - 1);
        }
        restUntil = 0;
        return all;
    }

    private void awaitOthers(Region r) {
        if (done.get() == r.tasks) {
            return;
        }
        int tries = 0;
        long start = 0;
        while (done.get() != r.tasks) {
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else {
                if (start == 0) {
                    start = System.nanoTime();
                }
                Thread.yield();
            }
            tries++;
        }
        if (start == 0) {
            strikes = Math.max(0, strikes - 1);
            if (strikes == 0) {
                rest = REST_NANOS;
            }
        } else if (System.nanoTime() - start > STRAGGLER_NANOS) {
            strikes += 16;
            if (strikes >= 32) {
                restUntil = System.nanoTime() + rest;
                rest = Math.min(rest * 2, REST_NANOS * 64);
                strikes = 16;
            }
        }
    }

    /** Claims and runs tasks of a region until there are none left. */
    private void work(Region r, int worker) {
        int mine = 0;
        for (int t = claim(r); t >= 0; t = claim(r)) {
            try {
                r.task.run(t, worker);
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
            mine++;
        }
        if (mine > 0) {
            done.addAndGet(mine);
        }
    }

    private int claim(Region r) {
        while (true) {
            long n = next.get();
            if ((int) (n >>> 32) != r.epoch || (int) n >= r.tasks) {
                return -1;
            }
            if (next.compareAndSet(n, n + 1)) {
                return (int) n;
            }
        }
    }

    private static void rethrow(Throwable e) {
        switch (e) {
            case RuntimeException x -> throw x;
            case Error x -> throw x;
            default -> throw new IllegalStateException(e);
        }
    }

    /** Ends the threads and waits for them. */
    @Override
    public void close() {
        closed = true;
        for (Worker w : workers) {
            LockSupport.unpark(w);
        }
        boolean interrupted = false;
        for (Worker w : workers) {
            while (w.isAlive()) {
                try {
                    w.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int index;
        private volatile boolean parked;

        Worker(int index) {
            super("gambit-worker-" + index);
            this.index = index;
            setDaemon(true);
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            int seen = 0;
            while (true) {
                Region r = await(seen);
                if (r == null) {
                    return;
                }
                seen = r.epoch;
                if (index < r.active) {
                    work(r, index);
                }
            }
        }

        /** Waits for a region other than the one seen last; null when the team is closed. */
        private Region await(int seen) {
            int tries = 0;
            while (true) {
                Region r = region;
                if (closed) {
                    return null;
                }
                if (r.epoch != seen) {
                    return r;
                }
                if (tries < SPINS) {
                    Thread.onSpinWait();
                } else if (tries < SPINS + YIELDS) {
                    Thread.yield();
                } else {
                    parked = true;
                    // Looked at again after the flag is up, so that a region published in between is not slept through.
                    if (region.epoch == seen && !closed) {
                        LockSupport.park(this);
                    }
                    parked = false;
                }
                tries++;
            }
        }
    }
}
