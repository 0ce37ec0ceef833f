package dev.gambit.engine.internal.cpu;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;

/** Repeats what is to be timed until the JIT compiler has done with it: while it works it takes a processor away. */
public final class WarmUp {

    private static final long LEAST_NANOS = 1_000_000_000L;
    private static final long MOST_NANOS = 20_000_000_000L;
    /** The compiler is watched for so long at a time... */
    private static final long WINDOW_NANOS = 500_000_000L;
    /** ...and has done once it works for less than this share of it. */
    private static final double QUIET = 0.05;

    private WarmUp() {}

    /** Runs {@code once} for one to twenty seconds, until the compiler is quiet; at least twice. */
    public static void run(Runnable once) {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        boolean told = compiler != null && compiler.isCompilationTimeMonitoringSupported();
        long start = System.nanoTime();
        long now = start;
        boolean quiet = false;
        once.run();
        while (now - start < MOST_NANOS && !(quiet && now - start >= LEAST_NANOS)) {
            long from = now;
            long compiled = told ? compiler.getTotalCompilationTime() : 0;
            do {
                once.run();
                now = System.nanoTime();
            } while (now - from < WINDOW_NANOS);
            long millis = told ? compiler.getTotalCompilationTime() - compiled : 0;
            quiet = millis * 1e6 <= QUIET * (now - from);
        }
    }
}
