package dev.gambit.report;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskScore;
import dev.gambit.calibration.TaskScore.Metric;
import java.util.ArrayList;
import java.util.List;

/** A variant's tasks beside the dense model's on the same items. */
final class TaskSummary {

    private TaskSummary() {}

    /** Returns the points that are of the dense point's tasks and items, without it. */
    static List<SweepPoint.Tasks> comparable(List<SweepPoint.Tasks> all, SweepPoint.Tasks dense) {
        return all.stream().filter(p -> p != dense && isAlike(p, dense) && !p.policy().equals(SweepPoint.DENSE))
                .toList();
    }

    private static boolean isAlike(SweepPoint.Tasks a, SweepPoint.Tasks b) {
        if (a.scores().size() != b.scores().size()) {
            return false;
        }
        for (int t = 0; t < a.scores().size(); t++) {
            TaskScore x = a.scores().get(t);
            TaskScore y = b.scores().get(t);
            if (!x.task().equals(y.task()) || x.right().length != y.right().length) {
                return false;
            }
        }
        return true;
    }

    /** Returns the mean over the tasks of {@code acc}'s paired difference. */
    static Estimate difference(SweepPoint.Tasks point, SweepPoint.Tasks dense) {
        List<Estimate> all = new ArrayList<>();
        for (int t = 0; t < point.scores().size(); t++) {
            all.add(point.scores().get(t).difference(dense.scores().get(t), Metric.ACC));
        }
        return TaskScore.average(all);
    }

    /** Returns the mean over the tasks of {@code acc}. */
    static Estimate mean(SweepPoint.Tasks point) {
        return TaskScore.average(point.scores().stream().map(s -> s.estimate(Metric.ACC)).toList());
    }
}
