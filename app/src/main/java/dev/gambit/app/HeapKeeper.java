package dev.gambit.app;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;

/**
 * Keeps a long-running process small under the serial collector. That one lets its old generation grow to the heap's limit, a
 * quarter of the machine's memory, before it collects it for the first time, although a server's live objects are some tens
 * of megabytes; weights are not among them. So it is told to when what has come since the last time is more than
 * was left then. Other collectors look after themselves.
 */
final class HeapKeeper implements AutoCloseable {

    private static final String SERIAL_OLD = "Tenured Gen";
    private static final long LEAST_GROWTH = 64L << 20;
    private static final long TICK_MS = 2000;

    private final MemoryPoolMXBean pool = ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(p -> p.getName().equals(SERIAL_OLD))
            .findFirst()
            .orElse(null);
    private final Thread thread = Thread.ofPlatform().daemon().name("gambit-heap").unstarted(this::run);

    /** Begins to look after the heap of this process. */
    void start() {
        if (pool != null) {
            thread.start();
        }
    }

    /**
     * Returns whether to collect.
     *
     * @param used bytes in the old generation
     * @param left bytes that the last collection left there; 0 before the first
     */
    static boolean due(long used, long left) {
        return used - left > Math.max(LEAST_GROWTH, left);
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(TICK_MS);
                MemoryUsage last = pool.getCollectionUsage();
                if (due(pool.getUsage().getUsed(), last == null ? 0 : last.getUsed())) {
                    System.gc();
                }
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
