package dev.gambit.app.server;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Sparsity;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * The slots, and who waits for one: first come, first served, in the slot that has the most of the prompt already. A
 * client that goes away leaves the queue.
 */
final class Slots implements AutoCloseable {

    private static final long TICK_MS = 100;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition released = lock.newCondition();
    private final List<Slot> slots = new ArrayList<>();
    private final Deque<Object> queue = new ArrayDeque<>();
    private final int limit;
    private long tasks;
    private boolean draining;

    /**
     * @param sparsity what the model's sessions start with; null for dense
     * @param limit how many may wait
     */
    Slots(LanguageModel model, Sparsity sparsity, int count, int limit) {
        this.limit = limit;
        ReentrantLock beginnings = new ReentrantLock();
        for (int i = 0; i < count; i++) {
            slots.add(new Slot(i, model, sparsity, slots, beginnings));
        }
    }

    List<Slot> all() {
        return slots;
    }

    int busy() {
        lock.lock();
        try {
            return busyNow();
        } finally {
            lock.unlock();
        }
    }

    private int busyNow() {
        return (int) slots.stream().filter(Slot::isBusy).count();
    }

    int waiting() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for a slot.
     *
     * @param prompt what will be evaluated in it
     * @param deadline when to give up, in {@link System#nanoTime}
     * @param gone whether nobody wants it any more
     * @throws ApiException 429 where too many wait, 503 where it takes too long or the server ends
     * @throws InterruptedException where nobody wants it any more
     */
    Slot take(int[] prompt, long deadline, BooleanSupplier gone) throws InterruptedException {
        Object me = new Object();
        lock.lock();
        try {
            refuseWhileDraining();
            boolean free = queue.isEmpty() && busyNow() < slots.size();
            if (!free && queue.size() >= limit) {
                throw ApiException.queueFull(queue.size());
            }
            queue.add(me);
            try {
                while (queue.peek() != me || busyNow() == slots.size()) {
                    released.await(TICK_MS, TimeUnit.MILLISECONDS);
                    refuseWhileDraining();
                    if (gone.getAsBoolean()) {
                        throw new InterruptedException("the client went away");
                    }
                    if (System.nanoTime() > deadline) {
                        throw ApiException.unavailable("timeout",
                                "No slot became free in the time that a request may take (--timeout); try later.");
                    }
                }
                Slot best = best(prompt);
                best.take(tasks++);
                return best;
            } finally {
                queue.remove(me);
                released.signalAll(); // the next one is first now
            }
        } finally {
            lock.unlock();
        }
    }

    private void refuseWhileDraining() {
        if (draining) {
            throw ApiException.unavailable("shutting_down", "The server is shutting down.");
        }
    }

    private Slot best(int[] prompt) {
        Slot best = null;
        int most = -1;
        for (Slot slot : slots) {
            if (!slot.isBusy()) {
                int common = slot.common(prompt);
                if (best == null || common > most || common == most && slot.lastUsed() < best.lastUsed()) {
                    best = slot;
                    most = common;
                }
            }
        }
        return best;
    }

    void give(Slot slot) {
        lock.lock();
        try {
            slot.leave();
            released.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Refuses who waits and who comes. */
    void drain() {
        lock.lock();
        try {
            draining = true;
            released.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until no slot is busy; false where it took too long. */
    boolean awaitIdle(long nanos) throws InterruptedException {
        lock.lock();
        try {
            long left = nanos;
            while (busyNow() > 0) {
                if (left <= 0) {
                    return false;
                }
                left = released.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        slots.forEach(Slot::close);
    }
}
