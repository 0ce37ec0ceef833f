package dev.gambit.engine.internal.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Finds special tokens in text, as llama.cpp does: the longest token first throughout the text, then shorter ones in
 * what is left. User-defined tokens always count, control and unknown tokens only where the caller asks for it.
 */
final class SpecialTokens {

    private final Vocabulary vocabulary;
    private final List<Integer> longestFirst = new ArrayList<>();

    SpecialTokens(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        for (int id = 0; id < vocabulary.size(); id++) {
            if (vocabulary.is(id, Vocabulary.SPECIAL)) {
                longestFirst.add(id);
            }
        }
        longestFirst.sort(new LongestFirst(vocabulary));
    }

    private record LongestFirst(Vocabulary vocabulary) implements Comparator<Integer> {
        @Override
        public int compare(Integer a, Integer b) {
            return Integer.compare(length(b), length(a));
        }

        private int length(int id) {
            return Utf8.encode(vocabulary.text(id)).length;
        }
    }

    /** A piece of text, or a special token in its place if {@code token} is not negative. */
    record Fragment(int from, int to, int token) {}

    /** Splits a text. */
    List<Fragment> split(String text, boolean parseSpecial) {
        List<Fragment> fragments = new ArrayList<>();
        if (!text.isEmpty()) {
            fragments.add(new Fragment(0, text.length(), -1));
        }
        CharPairs pairs = longestFirst.isEmpty() ? null : new CharPairs(text);
        for (int id : longestFirst) {
            boolean wanted = parseSpecial || !vocabulary.is(id, Vocabulary.CONTROL | Vocabulary.UNKNOWN);
            if (wanted && pairs.mayContain(vocabulary.text(id)) && text.contains(vocabulary.text(id))) {
                fragments = split(text, fragments, id);
            }
        }
        return fragments;
    }

    private List<Fragment> split(String text, List<Fragment> fragments, int id) {
        String token = vocabulary.text(id);
        List<Fragment> result = new ArrayList<>();
        for (Fragment fragment : fragments) {
            if (fragment.token() >= 0) {
                result.add(fragment);
                continue;
            }
            int from = fragment.from();
            int to = fragment.to();
            for (int match = text.indexOf(token, from, to); match >= 0; match = text.indexOf(token, from, to)) {
                if (match > from) {
                    result.add(new Fragment(from, match, -1));
                }
                from = match + token.length();
                result.add(new Fragment(match, from, id));
                while (vocabulary.is(id, Vocabulary.RSTRIP) && from < to && isSpace(text.charAt(from))) {
                    from++;
                }
            }
            if (from < to) {
                result.add(new Fragment(from, to, -1));
            }
        }
        return result;
    }

    /** C's {@code isspace}. */
    private static boolean isSpace(char c) {
        return c == ' ' || c >= '\t' && c <= '\r';
    }

    /**
     * Which pairs of adjacent characters a text has, roughly: thousands of special tokens are ruled out without
     * searching for each.
     */
    private static final class CharPairs {

        private final long[] bits = new long[1024];

        CharPairs(String text) {
            for (int i = 1; i < text.length(); i++) {
                int bit = bit(text, i);
                bits[bit >> 6] |= 1L << bit;
            }
        }

        boolean mayContain(String part) {
            for (int i = 1; i < part.length(); i++) {
                int bit = bit(part, i);
                if ((bits[bit >> 6] & 1L << bit) == 0) {
                    return false;
                }
            }
            return true;
        }

        private static int bit(String text, int i) {
            return text.charAt(i - 1) * 257 + text.charAt(i) & 0xFFFF;
        }
    }
}
