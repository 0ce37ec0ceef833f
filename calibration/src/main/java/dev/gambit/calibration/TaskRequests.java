package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A task's texts as tokens, as lm-evaluation-harness makes them: context and continuation are tokenised together, and what
 * comes after as many tokens as the context has alone is the continuation. Blanks at the end of a context count as the
 * continuation's. A begin-of-sequence token comes first where the tokenizer adds one, and where the context is empty.
 * What is longer than the model's context is cut at its beginning.
 */
final class TaskRequests {

    /**
     * One request.
     *
     * @param tokens all of them; the last is only predicted
     * @param start the first token that is scored, at least 1
     */
    record Sequence(int[] tokens, int start) {}

    private final Tokenizer tokenizer;
    private final int bos;
    private final int max;

    /**
     * @param max tokens that the model has room for
     */
    TaskRequests(Tokenizer tokenizer, int max) {
        this.tokenizer = tokenizer;
        this.max = max;
        bos = TokenWindows.bos(tokenizer);
    }

    /** Returns an item's requests. */
    List<Sequence> sequences(EvaluationTask.Item item) {
        List<Sequence> all = new ArrayList<>();
        for (EvaluationTask.Request r : item.requests()) {
            all.add(sequence(item, r));
        }
        return all;
    }

    private Sequence sequence(EvaluationTask.Item item, EvaluationTask.Request request) {
        String context = request.context().stripTrailing();
        int[] alone = tokenizer.encode(context, false, false);
        int[] whole = tokenizer.encode(request.context() + request.continuation(), false, false);
        int start = Math.min(alone.length, whole.length - 1);
        int first = bos >= 0 ? bos : start > 0 ? -1 : tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
        if (first >= 0) {
            int[] longer = new int[whole.length + 1];
            longer[0] = first;
            System.arraycopy(whole, 0, longer, 1, whole.length);
            whole = longer;
            start++;
        }
        // the last token is not fed
        int cut = Math.max(0, whole.length - 1 - max);
        if (whole.length == 0 || start - cut < 1) {
            throw new GambitException(GambitException.line(
                    "item " + item.id(), "a text with something before its choice, in a context of " + max + " tokens",
                    (whole.length - start) + " tokens to score of " + whole.length,
                    "enlarge the context (-c) or take the item out"));
        }
        return new Sequence(Arrays.copyOfRange(whole, cut, whole.length), start - cut);
    }
}
