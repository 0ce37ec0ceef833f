package dev.gambit.app;

import dev.gambit.calibration.ProgressListener;
import java.io.PrintStream;
import java.util.Locale;

/** Shows how far a long command has come, on a stream that is not the command's output. */
final class ProgressOutput implements ProgressListener {

    /** How to show it. */
    enum Style {
        /** A bar with the time left, redrawn in place. */
        bar,
        /** One JSON object a line. */
        json,
        /** Not at all. */
        none
    }

    private static final int WIDTH = 30;

    private final Style style;
    private final PrintStream out;
    private String stage = "";
    private long start;

    /**
     * @param style how to show it; null for a bar on a terminal and nothing elsewhere
     */
    ProgressOutput(Style style, PrintStream out) {
        this.style = style != null ? style : isTerminal() ? Style.bar : Style.none;
        this.out = out;
    }

    private static boolean isTerminal() {
        return System.console() != null && System.console().isTerminal();
    }

    @Override
    public void progress(String name, int done, int total) {
        if (!name.equals(stage)) {
            stage = name;
            start = System.nanoTime();
        }
        double elapsed = (System.nanoTime() - start) / 1e9;
        double left = done == 0 ? Double.NaN : elapsed / done * (total - done);
        switch (style) {
            case bar -> bar(done, total, left);
            case json -> out.println(json(name, done, total, elapsed, left));
            case none -> {}
        }
    }

    private void bar(int done, int total, double left) {
        int filled = (int) ((long) WIDTH * done / Math.max(1, total));
        out.printf(
                Locale.ROOT,
                "\r%-12s [%s%s] %d/%d%s ",
                stage,
                "#".repeat(filled),
                "-".repeat(WIDTH - filled),
                done,
                total,
                Double.isNaN(left) ? "" : String.format(Locale.ROOT, ", %d:%02d left", (long) left / 60, (long) left
                        % 60));
        if (done == total) {
            out.println();
        }
        out.flush();
    }

    private static String json(String stage, int done, int total, double elapsed, double left) {
        return String.format(
                Locale.ROOT,
                "{\"stage\":\"%s\",\"done\":%d,\"total\":%d,\"seconds\":%.1f,\"seconds_left\":%s}",
                stage,
                done,
                total,
                elapsed,
                Double.isNaN(left) ? "null" : String.format(Locale.ROOT, "%.1f", left));
    }
}
