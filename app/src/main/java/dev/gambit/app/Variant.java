package dev.gambit.app;

import java.util.Locale;

/**
 * One way to run a model in a comparison.
 *
 * @param policy a policy of the thresholds file; null where it runs dense
 * @param level the level of sparsity; 0 where it runs dense
 */
record Variant(String policy, double level) {

    /** Everything is read. */
    static final Variant DENSE = new Variant(null, 0);

    /** Returns whether nothing is skipped. */
    boolean isDense() {
        return policy == null;
    }

    /** Returns what to call it, such as {@code chess 0.5}. */
    String name() {
        return isDense() ? "dense" : policy + " " + levelText();
    }

    /** Returns the level as text. */
    String levelText() {
        String text = String.format(Locale.ROOT, "%.4f", level);
        while (text.endsWith("0") && !text.endsWith(".0")) {
            text = text.substring(0, text.length() - 1);
        }
        return text;
    }
}
