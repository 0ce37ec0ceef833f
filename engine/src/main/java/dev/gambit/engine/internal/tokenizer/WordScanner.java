package dev.gambit.engine.internal.tokenizer;

import static dev.gambit.engine.internal.tokenizer.CharacterClass.LETTER;
import static dev.gambit.engine.internal.tokenizer.CharacterClass.NUMBER;
import static dev.gambit.engine.internal.tokenizer.CharacterClass.OTHER;
import static dev.gambit.engine.internal.tokenizer.CharacterClass.SPACE;

import dev.gambit.engine.internal.tokenizer.PreTokenizer.Words;

/**
 * Scanners for the regular expressions of byte-pair vocabularies. Each alternative is tried in the expression's order.
 */
final class WordScanner {

    private WordScanner() {}

    /** {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}. */
    static void gpt2(String text, int from, int to, Words words) {
        int at = from;
        while (at < to) {
            int end = gpt2WordEnd(text, at, to);
            words.word(at, end);
            at = end;
        }
    }

    /** First {@code \p{N}}, each match alone; then {@link #gpt2} on what is between. */
    static void digitsThenGpt2(String text, int from, int to, Words words) {
        int at = from;
        while (at < to) {
            int gapEnd = at;
            while (gapEnd < to && CharacterClass.at(text, gapEnd) != NUMBER) {
                gapEnd += Character.charCount(text.codePointAt(gapEnd));
            }
            gpt2(text, at, gapEnd, words);
            at = gapEnd;
            if (at < to) {
                at += Character.charCount(text.codePointAt(at));
                words.word(gapEnd, at);
            }
        }
    }

    /**
     * {@code '[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}|
     * ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+}.
     */
    static void llama3(String text, int from, int to, int digits, Words words) {
        int at = from;
        while (at < to) {
            int end = llama3WordEnd(text, at, to, digits);
            words.word(at, end);
            at = end;
        }
    }

    /**
     * Four expressions one after the other, each on the pieces of the one before: {@code [\p{P}$+<=>^~|]+}, GPT-2's,
     * {@code \p{N}+} and {@code [0-9][0-9][0-9]}.
     */
    static void byDefault(String text, int from, int to, Words words) {
        Words pieces = (start, end) -> splitNumbers(text, start, end, words);
        int at = from;
        while (at < to) {
            boolean punctuation = CharacterClass.isPunctuation(text.codePointAt(at));
            int end = at;
            while (end < to && CharacterClass.isPunctuation(text.codePointAt(end)) == punctuation) {
                end += Character.charCount(text.codePointAt(end));
            }
            gpt2(text, at, end, pieces);
            at = end;
        }
    }

    private static int gpt2WordEnd(String text, int at, int to) {
        int contraction = contraction(text, at, to, false);
        if (contraction > 0) {
            return at + contraction;
        }
        int start = skipSpace(text, at, to);
        int characterClass = CharacterClass.at(text, start);
        return characterClass == SPACE
                ? spacesEnd(text, at, to, CharacterClass.runEnd(text, at, to, SPACE))
                : CharacterClass.runEnd(text, start, to, characterClass);
    }

    private static int llama3WordEnd(String text, int at, int to, int digits) {
        int contraction = contraction(text, at, to, true);
        if (contraction > 0) {
            return at + contraction;
        }
        int codePoint = text.codePointAt(at);
        int characterClass = CharacterClass.of(codePoint);
        if (characterClass == LETTER) {
            return CharacterClass.runEnd(text, at, to, LETTER);
        }
        if (characterClass == NUMBER) {
            return numberEnd(text, at, to, digits);
        }
        if (!isLineBreak(codePoint)) {
            int letters = at + Character.charCount(codePoint);
            if (letters < to && CharacterClass.at(text, letters) == LETTER) {
                return CharacterClass.runEnd(text, letters, to, LETTER);
            }
        }
        int others = CharacterClass.runEnd(text, skipSpace(text, at, to), to, OTHER);
        if (others > skipSpace(text, at, to)) {
            return lineBreaksEnd(text, others, to);
        }
        int end = CharacterClass.runEnd(text, at, to, SPACE);
        for (int i = end; i > at; i--) {
            if (isLineBreak(text.charAt(i - 1))) {
                return i;
            }
        }
        return spacesEnd(text, at, to, end);
    }

    /**
     * Returns where a word of white space ends: the last character goes to the word that follows, if it has company.
     */
    private static int spacesEnd(String text, int at, int to, int runEnd) {
        return runEnd < to && runEnd - at > 1 ? runEnd - 1 : runEnd;
    }

    private static int numberEnd(String text, int at, int to, int digits) {
        int end = at;
        for (int i = 0; i < digits && end < to && CharacterClass.at(text, end) == NUMBER; i++) {
            end += Character.charCount(text.codePointAt(end));
        }
        return end;
    }

    private static int lineBreaksEnd(String text, int at, int to) {
        int end = at;
        while (end < to && isLineBreak(text.charAt(end))) {
            end++;
        }
        return end;
    }

    private static boolean isLineBreak(int codePoint) {
        return codePoint == '\r' || codePoint == '\n';
    }

    /** Returns where a word starts that may have one space before it: after that, or at its first character. */
    private static int skipSpace(String text, int at, int to) {
        return text.charAt(at) == ' ' && at + 1 < to ? at + 1 : at;
    }

    /** Returns the length of the English contraction at {@code at}, or 0 if there is none. */
    private static int contraction(String text, int at, int to, boolean ignoreCase) {
        if (text.charAt(at) != '\'' || at + 1 >= to) {
            return 0;
        }
        char first = fold(text.charAt(at + 1), ignoreCase);
        if (first == 's' || first == 't' || first == 'm' || first == 'd') {
            return 2;
        }
        if (at + 2 >= to) {
            return 0;
        }
        char second = fold(text.charAt(at + 2), ignoreCase);
        boolean matches = second == 'e' && (first == 'r' || first == 'v') || second == 'l' && first == 'l';
        return matches ? 3 : 0;
    }

    private static char fold(char c, boolean ignoreCase) {
        return ignoreCase && c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
    }

    private static void splitNumbers(String text, int from, int to, Words words) {
        int at = from;
        while (at < to) {
            boolean number = CharacterClass.at(text, at) == NUMBER;
            int end = at;
            while (end < to && (CharacterClass.at(text, end) == NUMBER) == number) {
                end += Character.charCount(text.codePointAt(end));
            }
            if (number) {
                splitThreeDigits(text, at, end, words);
            } else {
                words.word(at, end);
            }
            at = end;
        }
    }

    private static void splitThreeDigits(String text, int from, int to, Words words) {
        int gap = from;
        int at = from;
        while (at + 3 <= to) {
            if (isDigit(text, at) && isDigit(text, at + 1) && isDigit(text, at + 2)) {
                if (at > gap) {
                    words.word(gap, at);
                }
                words.word(at, at + 3);
                at += 3;
                gap = at;
            } else {
                at++;
            }
        }
        if (gap < to) {
            words.word(gap, to);
        }
    }

    private static boolean isDigit(String text, int at) {
        char c = text.charAt(at);
        return c >= '0' && c <= '9';
    }
}
