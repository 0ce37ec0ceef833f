package dev.gambit.app;

import dev.gambit.engine.GambitException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/** The lists that bench's options take, as llama-bench writes them: {@code 1,2,8}, {@code 1-4}, {@code 0-512+128}, {@code 1-16*2}. */
final class BenchList {

    private static final int MAX_VALUES = 1000;

    private BenchList() {}

    /** Splits the texts that an option was given at their commas. */
    static List<String> texts(List<String> given) {
        List<String> all = new ArrayList<>();
        for (String list : given) {
            for (String one : list.split(",", -1)) {
                all.add(one.trim());
            }
        }
        return List.copyOf(new LinkedHashSet<>(all));
    }

    /**
     * Reads lists of numbers.
     *
     * @param option its name, for the message
     * @param given what it was given, once or several times
     * @param min the smallest number that makes sense
     */
    static List<Integer> numbers(String option, List<String> given, int min) {
        List<Integer> all = new ArrayList<>();
        for (String one : texts(given)) {
            range(option, one, min, all);
        }
        return all;
    }

    private static void range(String option, String text, int min, List<Integer> all) {
        int dash = text.indexOf('-', 1);
        if (dash < 0) {
            all.add(number(option, text, text, min));
            return;
        }
        int step = Math.max(text.indexOf('+', dash), text.indexOf('*', dash));
        boolean times = step > 0 && text.charAt(step) == '*';
        int first = number(option, text.substring(0, dash), text, min);
        int last = number(option, text.substring(dash + 1, step < 0 ? text.length() : step), text, min);
        int by = step < 0 ? 1 : number(option, text.substring(step + 1), text, 1);
        if (last < first || times && (by < 2 || first == 0) || !times && (last - first) / by >= MAX_VALUES) {
            throw invalid(option, text, min);
        }
        for (long n = first; n <= last; n = times ? n * by : n + by) {
            all.add((int) n);
        }
    }

    private static int number(String option, String number, String whole, int min) {
        try {
            int n = Integer.parseInt(number);
            if (n >= min && n <= 1 << 28) {
                return n;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw invalid(option, whole, min);
    }

    private static GambitException invalid(String option, String found, int min) {
        return new GambitException(GambitException.line(
                option, "numbers from " + min + ", such as 1,2 or 1-4 or 1-16*2", "'" + found + "'", "correct it"));
    }
}
