package dev.gambit.calibration;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/**
 * Zero-shot multiple choice as lm-evaluation-harness scores it: of an item's choices the model takes the one with the
 * largest log-likelihood ({@code acc}), or with the largest log-likelihood divided by its characters ({@code acc_norm});
 * the first where several are equal.
 */
public final class TaskEvaluation {

    /** Hears of each item. */
    @FunctionalInterface
    public interface ItemListener {

        /**
         * @param task the task the item belongs to
         * @param done items finished, of all tasks
         * @param total items of all tasks
         */
        void item(String task, int done, int total);
    }

    /**
     * What a model gave on some tasks.
     *
     * @param scores one a task
     * @param sparsity how sparsely the model ran
     */
    public record Result(List<TaskScore> scores, SparsityReport sparsity) {

        /** Copies the list. */
        public Result {
            scores = List.copyOf(scores);
        }
    }

    private TaskEvaluation() {}

    /** Returns the number of items of all tasks. */
    public static int items(List<EvaluationTask> tasks) {
        return tasks.stream().mapToInt(t -> t.items().size()).sum();
    }

    /** Returns the positions that the longest request needs: what a model's context should have room for. */
    public static int longest(Tokenizer tokenizer, List<EvaluationTask> tasks) {
        TaskRequests requests = new TaskRequests(tokenizer, Integer.MAX_VALUE - 1);
        int longest = 1;
        for (EvaluationTask task : tasks) {
            for (EvaluationTask.Item item : task.items()) {
                for (TaskRequests.Sequence s : requests.sequences(item)) {
                    longest = Math.max(longest, s.tokens().length - 1);
                }
            }
        }
        return longest;
    }

    /**
     * Runs a model on tasks. Masks apply to all tokens, the contexts' too, unless the model was opened with a dense prefill.
     *
     * @param model what is too long for its context is cut at the beginning, as the harness does
     * @param tasks at least one
     * @param listener hears of each item
     */
    public static Result run(LanguageModel model, List<EvaluationTask> tasks, ItemListener listener) {
        TaskRequests requests = new TaskRequests(model.tokenizer(), model.contextLength());
        int total = items(tasks);
        int done = 0;
        List<TaskScore> scores = new ArrayList<>();
        try (Session session = model.session()) {
            TaskScorer scorer = new TaskScorer(session, model.tokenizer().vocabularySize());
            for (EvaluationTask task : tasks) {
                int n = task.items().size();
                boolean[] right = new boolean[n];
                boolean[] rightByLength = task.normalised() ? new boolean[n] : null;
                for (int i = 0; i < n; i++) {
                    EvaluationTask.Item item = task.items().get(i);
                    double[] sums = scorer.logLikelihoods(requests.sequences(item));
                    right[i] = best(sums) == item.label();
                    if (rightByLength != null) {
                        for (int c = 0; c < sums.length; c++) {
                            sums[c] /= item.requests().get(c).length();
                        }
                        rightByLength[i] = best(sums) == item.label();
                    }
                    listener.item(task.name(), ++done, total);
                }
                scores.add(new TaskScore(task.name(), right, rightByLength));
            }
            return new Result(scores, session.report());
        }
    }

    private static int best(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            if (x[i] > x[best]) {
                best = i;
            }
        }
        return best;
    }
}
