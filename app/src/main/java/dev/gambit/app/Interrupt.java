package dev.gambit.app;

import dev.gambit.engine.Session;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ends a generation when the process is told to end (Ctrl-C), and holds the process until what was generated has been
 * reported.
 */
final class Interrupt implements AutoCloseable {

    private static final int PATIENCE_MS = 5000;
    private static final int TICK_MS = 20;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    /** Watches over a session until this is closed. */
    Interrupt(Session session) {
        hook = new Thread(() -> cancel(session), "gambit-interrupt");
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            session.cancel();
        }
    }

    private void cancel(Session session) {
        try {
            // again and again, because a generation that is about to begin forgets an earlier cancel
            for (int waited = 0; waited < PATIENCE_MS && done.getCount() > 0; waited += TICK_MS) {
                session.cancel();
                done.await(TICK_MS, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        System.out.flush();
        done.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is ending, and was waiting for this
        }
    }
}
