package dev.gambit.report;

import dev.gambit.calibration.EvaluationTask;
import dev.gambit.calibration.KlDivergence;
import dev.gambit.calibration.LogitsFile;
import dev.gambit.calibration.Perplexity;
import dev.gambit.calibration.ProgressListener;
import dev.gambit.calibration.TaskEvaluation;
import dev.gambit.calibration.TaskScore;
import dev.gambit.calibration.TokenWindows;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs a model dense and with every policy at every level over one text, and on tasks; what is in the file already is not
 * run again. The dense model's predictions are kept in a file beside it until the sweep is done.
 */
public final class Sweep {

    /** Opens the model. */
    @FunctionalInterface
    public interface Opener {

        /**
         * @param policy {@link SweepPoint#DENSE} or one of the thresholds' policies
         */
        LanguageModel open(String policy, double level);
    }

    /**
     * One way to run the model.
     *
     * @param policy one of the thresholds' policies
     * @param level the level of sparsity
     * @param onTasks whether it is run on the tasks, too
     */
    public record Variant(String policy, double level, boolean onTasks) {}

    /** What takes a window's time, for the bar: seconds of each on two cores, roughly. */
    private static final int WINDOW_COST = 15;
    private static final int SPEED_COST = 100;
    private static final int ITEM_COST = 3;
    private static final int PROGRESS_STEPS = 1000;

    private final SweepFile file;
    private final TokenWindows windows;
    private final List<Variant> variants;
    private final List<EvaluationTask> tasks;
    private final boolean speed;
    private final int threads;
    private final Opener opener;
    private final ProgressListener progress;
    private long done;
    private long total;

    /**
     * @param file where points go
     * @param windows the text
     * @param variants what to run, besides the dense model
     * @param tasks tasks; empty for none
     * @param speed whether to measure speed
     * @param threads threads that score logits; 0 for all processors
     * @param progress hears of the stage {@code "report"} in thousandths
     */
    public Sweep(
            SweepFile file,
            TokenWindows windows,
            List<Variant> variants,
            List<EvaluationTask> tasks,
            boolean speed,
            int threads,
            Opener opener,
            ProgressListener progress) {
        this.file = file;
        this.windows = windows;
        this.variants = variants;
        this.tasks = tasks;
        this.speed = speed;
        this.threads = threads;
        this.opener = opener;
        this.progress = progress;
    }

    /**
     * Runs what is missing.
     *
     * @param base where the dense model's predictions are kept meanwhile
     * @param dense the model, opened dense
     */
    public void run(Path base, LanguageModel dense) {
        total = Math.max(1, cost());
        tell();
        boolean textMissing = variants.stream().anyMatch(v -> !has(SweepPoint.Text.class, v));
        Variant self = new Variant(SweepPoint.DENSE, 0, true);
        if (!has(SweepPoint.Text.class, self) || textMissing && !Files.exists(base)) {
            predictions(base, dense);
        }
        if (!tasks.isEmpty() && !hasTasks(self)) {
            tasks(self, dense);
        }
        for (Variant v : variants) {
            boolean text = !has(SweepPoint.Text.class, v);
            boolean timed = speed && !has(SweepPoint.Speed.class, v);
            boolean onTasks = v.onTasks && !tasks.isEmpty() && !hasTasks(v);
            if (text || timed || onTasks) {
                try (LanguageModel model = opener.open(v.policy, v.level)) {
                    if (text) {
                        text(v, model, base);
                    }
                    if (timed) {
                        file.add(SpeedTest.run(v.policy, v.level, dense, model, windows.window(0)));
                        advance(SPEED_COST);
                    }
                    if (onTasks) {
                        tasks(v, model);
                    }
                }
            }
        }
        done = total;
        tell();
        try {
            Files.deleteIfExists(base);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    base.toString(), "a file that can be deleted", String.valueOf(e.getMessage()), "delete it"), e);
        }
    }

    private long cost() {
        long cost = 0;
        boolean textMissing = !has(SweepPoint.Text.class, new Variant(SweepPoint.DENSE, 0, true));
        for (Variant v : variants) {
            if (!has(SweepPoint.Text.class, v)) {
                cost += (long) WINDOW_COST * windows.count();
                textMissing = true;
            }
            cost += speed && !has(SweepPoint.Speed.class, v) ? SPEED_COST : 0;
            cost += v.onTasks && !tasks.isEmpty() && !hasTasks(v) ? taskCost() : 0;
        }
        cost += textMissing ? (long) WINDOW_COST * windows.count() : 0;
        cost += !tasks.isEmpty() && !hasTasks(new Variant(SweepPoint.DENSE, 0, true)) ? taskCost() : 0;
        return cost;
    }

    private long taskCost() {
        return (long) ITEM_COST * TaskEvaluation.items(tasks);
    }

    private void advance(long cost) {
        done += cost;
        tell();
    }

    private void tell() {
        progress.progress("report", (int) (PROGRESS_STEPS * Math.min(done, total) / total), PROGRESS_STEPS);
    }

    private static boolean isAt(SweepPoint point, Variant v) {
        return point.policy().equals(v.policy) && point.level() == v.level;
    }

    private boolean has(Class<? extends SweepPoint> kind, Variant v) {
        return file.points(kind).stream().anyMatch(p -> isAt(p, v));
    }

    /** Tasks may be other ones than those of the last run. */
    private boolean hasTasks(Variant v) {
        return file.points(SweepPoint.Tasks.class).stream().anyMatch(p -> isAt(p, v) && isOf(p, tasks));
    }

    /** Returns whether a point is of just these tasks. */
    static boolean isOf(SweepPoint.Tasks point, List<EvaluationTask> tasks) {
        if (point.scores().size() != tasks.size()) {
            return false;
        }
        for (int t = 0; t < tasks.size(); t++) {
            TaskScore s = point.scores().get(t);
            if (!s.task().equals(tasks.get(t).name()) || s.right().length != tasks.get(t).items().size()) {
                return false;
            }
        }
        return true;
    }

    /** Runs the dense model on the text. */
    private void predictions(Path base, LanguageModel dense) {
        try (Perplexity perplexity = new Perplexity(threads);
                LogitsFile kept = LogitsFile.create(base, windows, dense.tokenizer().vocabularySize())) {
            Perplexity.Result r = perplexity.evaluate(
                    dense, windows, kept, (chunk, chunks, p) -> advance(WINDOW_COST));
            Variant self = new Variant(SweepPoint.DENSE, 0, true);
            if (!has(SweepPoint.Text.class, self)) {
                Perplexity.Estimate none = new Perplexity.Estimate(0, 0);
                file.add(new SweepPoint.Text(
                        SweepPoint.DENSE, 0, 1, r.perplexity(), none, none, new Perplexity.Estimate(1, 0), List.of()));
            }
        }
    }

    private void text(Variant v, LanguageModel model, Path base) {
        try (LogitsFile kept = LogitsFile.open(base, model.tokenizer().vocabularySize())) {
            TokenWindows text = kept.windows(0, TokenWindows.bos(model.tokenizer()));
            KlDivergence.Result r = KlDivergence.compare(
                    model, kept, text, threads, (chunk, chunks, sofar) -> advance(WINDOW_COST));
            file.add(new SweepPoint.Text(
                    v.policy, v.level, r.sparsity().active(), r.perplexity(), r.divergence(), r.logRatio(),
                    r.sameTopShare(), r.sparsity().layers()));
        }
    }

    private void tasks(Variant v, LanguageModel model) {
        TaskEvaluation.Result r = TaskEvaluation.run(model, tasks, (task, item, items) -> advance(ITEM_COST));
        file.add(new SweepPoint.Tasks(v.policy, v.level, r.sparsity().active(), r.scores()));
    }
}
