package dev.gambit.calibration;

import dev.gambit.calibration.Perplexity.Estimate;
import java.util.List;
import java.util.function.Function;

/**
 * Which items of a task a model got right. Errors are standard errors of a mean, {@code s / √n} with the sample's deviation
 * {@code s}, as lm-evaluation-harness reports them.
 *
 * @param task the task's name
 * @param right one an item, in the file's order
 * @param rightByLength the same by {@code acc_norm}; null where the task has none
 */
public record TaskScore(String task, boolean[] right, boolean[] rightByLength) {

    /** What can be said of a score. */
    public enum Metric {
        /** Share of items whose right choice has the largest log-likelihood. */
        ACC(TaskScore::right),
        /** The same, log-likelihoods divided by the choices' characters. */
        ACC_NORM(TaskScore::rightByLength);

        private final Function<TaskScore, boolean[]> items;

        Metric(Function<TaskScore, boolean[]> items) {
            this.items = items;
        }

        /** Returns whether a score has it. */
        public boolean in(TaskScore score) {
            return items.apply(score) != null;
        }

        /** Returns its name as the harness writes it. */
        public String text() {
            return this == ACC ? "acc" : "acc_norm";
        }
    }

    /** Returns the share of right items. */
    public Estimate estimate(Metric metric) {
        return KlDivergence.Result.mean(numbers(metric.items.apply(this)));
    }

    /**
     * Returns the mean difference to another model's score on the same items, paired: its error counts only items on which
     * the two disagree.
     */
    public Estimate difference(TaskScore base, Metric metric) {
        double[] x = numbers(metric.items.apply(this));
        double[] y = numbers(metric.items.apply(base));
        for (int i = 0; i < x.length; i++) {
            x[i] -= y[i];
        }
        return KlDivergence.Result.mean(x);
    }

    /** Returns the number of items on which the two disagree. */
    public int flips(TaskScore base, Metric metric) {
        boolean[] x = metric.items.apply(this);
        boolean[] y = metric.items.apply(base);
        int flips = 0;
        for (int i = 0; i < x.length; i++) {
            flips += x[i] != y[i] ? 1 : 0;
        }
        return flips;
    }

    /** Returns the mean of several tasks' estimates; tasks count alike, their errors are independent. */
    public static Estimate average(List<Estimate> tasks) {
        double sum = 0;
        double variance = 0;
        for (Estimate e : tasks) {
            sum += e.mean();
            variance += e.error() * e.error();
        }
        int n = Math.max(1, tasks.size());
        return new Estimate(sum / n, Math.sqrt(variance) / n);
    }

    private static double[] numbers(boolean[] right) {
        double[] x = new double[right.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = right[i] ? 1 : 0;
        }
        return x;
    }
}
