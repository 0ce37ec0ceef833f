package dev.gambit.engine.internal.schema;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.grammar.Expr;

/**
 * Reads the part of ECMA-262's regular expressions that describe a regular language and that other dialects read alike:
 * characters, escapes, classes, groups, alternatives and quantifiers, anchored with ^ and $ or not. What it matches is
 * given as it stands in a JSON string.
 */
final class Pattern {

    private static final CodePoints LINE_ENDS = CodePoints.of("\n\r\u2028\u2029");
    private static final CodePoints DIGITS = CodePoints.of('0', '9');
    private static final CodePoints WORD =
            DIGITS.or(CodePoints.of('a', 'z')).or(CodePoints.of('A', 'Z')).or(CodePoints.of("_"));
    /** Space in every dialect. */
    private static final CodePoints SPACE = CodePoints.of("\t\n\u000b\f\r ");
    /** Space in some dialect. */
    private static final CodePoints ANY_SPACE =
            SPACE.or(CodePoints.of("\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"))
                    .or(CodePoints.of(0x2000, 0x200a));
    private static final int MAX_TIMES = 10_000;
    private static final int MAX_NESTING = 50;

    /**
     * Part of a pattern.
     *
     * @param expr what it matches
     * @param shortest characters of its shortest match
     * @param longest characters of its longest
     */
    record Part(Expr expr, int shortest, int longest) {

        private static final Part EMPTY = new Part(Expr.EMPTY, 0, 0);

        private Part then(Part next) {
            return new Part(Expr.seq(expr, next.expr), shortest + next.shortest, sum(longest, next.longest));
        }

        private Part times(int min, int max) {
            return new Part(Expr.repeat(expr, min, max), (int) Math.min(Expr.UNLIMITED, (long) shortest * min),
                    longest == 0 || max == 0 ? 0 : (int) Math.min(Expr.UNLIMITED, (long) longest * max));
        }

        private static int sum(int a, int b) {
            return (int) Math.min(Expr.UNLIMITED, (long) a + b);
        }
    }

    private final String place;
    private final String source;
    /** Fewest and most times of what the pattern repeats without a limit. */
    private final int fewest;
    private final int most;
    private int at;
    private int nesting;
    /** Whether the alternative being read began with ^, or ends with $. */
    private boolean begins;
    private boolean ends;

    private Pattern(String place, String source, int fewest, int most) {
        this.place = place;
        this.source = source;
        this.fewest = fewest;
        this.most = most;
    }

    /**
     * Returns the strings, without their quotes, that a pattern is found in; where a length is asked for, some of them,
     * chosen by how often what is unlimited comes.
     *
     * @param place where it stands, for the message
     * @param min fewest characters
     * @param max most characters, or {@link Expr#UNLIMITED}
     * @throws GambitException where it is not understood, or its lengths cannot be brought together with these
     */
    static Expr parse(String place, String source, int min, int max) {
        Part free = new Pattern(place, source, 0, Expr.UNLIMITED).whole();
        if (free.shortest >= min && free.longest <= max) {
            return free.expr;
        }
        int fewest = 0;
        while (fewest < min && new Pattern(place, source, fewest, Expr.UNLIMITED).whole().shortest < min) {
            fewest++;
        }
        int most = Math.min(max, JsonText.MAX_STRING);
        while (most > fewest && new Pattern(place, source, fewest, most).whole().longest > max) {
            most = Math.min(most - 1, most * 15 / 16);
        }
        Part part = new Pattern(place, source, fewest, Math.max(fewest, most)).whole();
        if (part.shortest < min || part.longest > max) {
            throw new GambitException(GambitException.line(place,
                    "one whose matches have " + min + (max == Expr.UNLIMITED ? " characters or more" : " to " + max
                            + " characters"),
                    source, "put the length into the pattern, as in ^[a-z]{1,8}$"));
        }
        return part.expr;
    }

    private Part whole() {
        Part any = unlimited(new Part(JsonText.CHARACTER, 1, 1), 0);
        Part all = null;
        do {
            begins = false;
            ends = false;
            Part way = alternative(true);
            way = begins ? way : any.then(way);
            way = ends ? way : way.then(any);
            all = all == null ? way : either(all, way);
        } while (take('|'));
        if (at < source.length()) {
            throw error("a pattern", "')' without '('");
        }
        return all;
    }

    private Part unlimited(Part part, int min) {
        int from = Math.max(min, fewest);
        return part.times(from, Math.max(from, most));
    }

    private static Part either(Part a, Part b) {
        return new Part(Expr.alt(a.expr, b.expr), Math.min(a.shortest, b.shortest), Math.max(a.longest, b.longest));
    }

    private GambitException error(String expected, String found) {
        return new GambitException(GambitException.line(place + ": character " + (at + 1) + " of " + source, expected,
                found, "write it with characters, classes, groups, alternatives and quantifiers only"));
    }

    private boolean take(char c) {
        if (at < source.length() && source.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private Part alternatives() {
        Part all = alternative(false);
        while (take('|')) {
            all = either(all, alternative(false));
        }
        return all;
    }

    private Part alternative(boolean top) {
        Part all = Part.EMPTY;
        if (top && take('^')) {
            begins = true;
        }
        while (at < source.length() && source.charAt(at) != '|' && source.charAt(at) != ')') {
            if (source.charAt(at) == '$') {
                boolean last = at + 1 == source.length() || source.charAt(at + 1) == '|';
                if (!top || !last) {
                    throw error("$ at the end of the pattern alone", "one inside");
                }
                at++;
                ends = true;
                break;
            }
            all = all.then(quantified(atom()));
        }
        return all;
    }

    private Part atom() {
        int c = next();
        return switch (c) {
            case '(' -> group();
            case '[' -> one(set());
            case '.' -> one(CodePoints.ALL.minus(LINE_ENDS).minus(CodePoints.of(0x85, 0x85)));
            case '\\' -> one(escape(false));
            case '^', '*', '+', '?', '{' -> {
                at--;
                throw error("a character or group", "'" + (char) c + "'");
            }
            default -> one(CodePoints.of(c, c));
        };
    }

    private static Part one(CodePoints characters) {
        return new Part(characters.json(), 1, 1);
    }

    private int next() {
        if (at == source.length()) {
            throw error("more", "the end");
        }
        int c = source.codePointAt(at);
        at += Character.charCount(c);
        return c;
    }

    private Part group() {
        if (take('?') && !take(':')) {
            throw error("a plain group", "(?" + source.substring(at, Math.min(source.length(), at + 2)));
        }
        if (++nesting > MAX_NESTING) {
            throw error("at most " + MAX_NESTING + " groups in each other", "more");
        }
        Part inner = alternatives();
        if (!take(')')) {
            throw error("')'", "the end");
        }
        nesting--;
        return inner;
    }

    private Part quantified(Part atom) {
        int min;
        int max;
        if (take('*')) {
            min = 0;
            max = Expr.UNLIMITED;
        } else if (take('+')) {
            min = 1;
            max = Expr.UNLIMITED;
        } else if (take('?')) {
            min = 0;
            max = 1;
        } else if (take('{')) {
            min = number();
            max = !take(',') ? min : at < source.length() && source.charAt(at) == '}' ? Expr.UNLIMITED : number();
            if (!take('}') || max < min) {
                throw error("{n}, {n,} or {n,m}", "something else");
            }
        } else {
            return atom;
        }
        take('?'); // a reluctant quantifier matches the same strings
        if (at < source.length() && "*+?{".indexOf(source.charAt(at)) >= 0) {
            throw error("one quantifier", "another");
        }
        return max == Expr.UNLIMITED ? unlimited(atom, min) : atom.times(min, max);
    }

    private int number() {
        int from = at;
        while (at < source.length() && Character.digit(source.charAt(at), 10) >= 0 && at - from < 6) {
            at++;
        }
        int value = at == from ? -1 : Integer.parseInt(source.substring(from, at));
        if (value < 0 || value > MAX_TIMES) {
            throw error("a number up to " + MAX_TIMES, value < 0 ? "none" : String.valueOf(value));
        }
        return value;
    }

    private CodePoints set() {
        boolean not = take('^');
        CodePoints all = CodePoints.NONE;
        while (!take(']')) {
            int from = at;
            int c = next();
            if (c == '[' || c == '&' && at < source.length() && source.charAt(at) == '&') {
                at = from;
                throw error("an escaped " + (char) c, "one that some dialects read otherwise");
            }
            CodePoints one = c == '\\' ? escape(true) : CodePoints.of(c, c);
            int first = single;
            if (c != '\\') {
                first = c;
            }
            if (first >= 0 && at + 1 < source.length() && source.charAt(at) == '-' && source.charAt(at + 1) != ']') {
                at++;
                int last = next();
                if (last == '\\') {
                    escape(true);
                    last = single;
                }
                if (last < first) {
                    throw error("a range in ascending order", "one that is not");
                }
                one = CodePoints.of(first, last);
            }
            all = all.or(one);
        }
        return not ? CodePoints.ALL.minus(all) : all;
    }

    /** The character that the last escape stood for; -1 for a class. */
    private int single;

    private CodePoints escape(boolean inSet) {
        int c = next();
        single = -1;
        switch (c) {
            case 'd':
                return DIGITS;
            case 'D':
                return CodePoints.ALL.minus(DIGITS);
            case 'w':
                return WORD;
            case 'W':
                return CodePoints.ALL.minus(WORD);
            case 's':
                return SPACE;
            case 'S':
                return CodePoints.ALL.minus(ANY_SPACE);
            case 'n':
                single = '\n';
                break;
            case 'r':
                single = '\r';
                break;
            case 't':
                single = '\t';
                break;
            case 'f':
                single = '\f';
                break;
            case 'v':
                single = 0x0b;
                break;
            case 'x':
                single = hex(2);
                break;
            case 'u':
                single = hex(4);
                break;
            default:
                boolean letter = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c > 0x7f;
                if (letter) {
                    at--;
                    throw error(inSet ? "an escape of a character" : "an escape of a character or class", "\\"
                            + Character.toString(c));
                }
                single = c;
        }
        if (single >= Character.MIN_SURROGATE && single <= Character.MAX_SURROGATE) {
            throw error("a character", "half of one");
        }
        return CodePoints.of(single, single);
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(next(), 16);
            if (digit < 0) {
                throw error(digits + " hexadecimal digits", "something else");
            }
            value = value * 16 + digit;
        }
        return value;
    }
}
