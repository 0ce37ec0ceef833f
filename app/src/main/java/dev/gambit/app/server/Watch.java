package dev.gambit.app.server;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Looks after running generations where they do not look themselves, while a prompt is evaluated: ends those whose
 * client went away or whose time is over.
 */
final class Watch implements AutoCloseable {

    private static final long TICK_MS = 50;

    /** Something that can be asked whether it should end, and told so, again and again. */
    interface Watched {
        boolean isOver();

        void cancel();
    }

    private final Set<Watched> running = ConcurrentHashMap.newKeySet();
    private final Thread thread = Thread.ofPlatform().daemon().name("gambit-watch").start(this::run);

    void add(Watched watched) {
        running.add(watched);
    }

    void remove(Watched watched) {
        running.remove(watched);
    }

    /** Ends all. */
    void cancelAll() {
        running.forEach(Watched::cancel);
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(TICK_MS);
                for (Watched watched : running) {
                    if (watched.isOver()) {
                        watched.cancel();
                    }
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
