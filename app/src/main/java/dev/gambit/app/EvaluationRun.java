package dev.gambit.app;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskEvaluation;
import dev.gambit.calibration.TaskScore;
import java.util.ArrayList;
import java.util.List;

/**
 * A variant's scores.
 *
 * @param model the model's name
 * @param backend what ran it
 */
record EvaluationRun(Variant variant, TaskEvaluation.Result result, String model, String backend) {

    /** Beyond this many standard errors a difference is worth a name. */
    static final double NOTABLE = 2;

    /** Returns the mean over the tasks that have a metric. */
    Estimate average(TaskScore.Metric metric) {
        List<Estimate> all = new ArrayList<>();
        for (TaskScore s : result.scores()) {
            if (metric.in(s)) {
                all.add(s.estimate(metric));
            }
        }
        return TaskScore.average(all);
    }

    /** Returns the mean of the tasks' paired differences to another run. */
    Estimate averageDifference(EvaluationRun base, TaskScore.Metric metric) {
        List<Estimate> all = new ArrayList<>();
        for (int t = 0; t < result.scores().size(); t++) {
            TaskScore s = result.scores().get(t);
            if (metric.in(s)) {
                all.add(s.difference(base.result.scores().get(t), metric));
            }
        }
        return TaskScore.average(all);
    }

    /** Returns whether any task has a metric. */
    boolean has(TaskScore.Metric metric) {
        return result.scores().stream().anyMatch(metric::in);
    }

    /** Returns whether a difference is beyond what chance gives. */
    static boolean isNotable(Estimate difference) {
        return Math.abs(difference.mean()) > NOTABLE * difference.error() && difference.mean() != 0;
    }
}
