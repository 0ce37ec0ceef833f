package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.util.List;

/** The parts of JSON, with bounds on what a weak model would run on in: blanks, digits, nesting. */
final class JsonText {

    /** Most characters of a string that nothing else limits. */
    static final int MAX_STRING = 8192;
    /** Most digits in front of and behind the point: doubles hold them all. */
    static final int MAX_DIGITS = 15;
    /** How deep arrays and objects lie in each other where a schema does not say. */
    static final int MAX_DEPTH = 12;

    /** Nothing, a space, or a new line with some indentation: llama.cpp's rule, cut short. */
    static final Expr SPACE = Expr.optional(Expr.alt(Expr.text(" "),
            Expr.seq(Expr.text("\n"), Expr.repeat(Expr.anyOf(" \t"), 0, 20))));
    static final Expr DIGIT = Expr.range('0', '9');
    private static final Expr HEX = Expr.alt(DIGIT, Expr.range('a', 'f'), Expr.range('A', 'F'));
    /** One character of a string, escaped or not. */
    static final Expr CHARACTER = character();
    static final Expr BOOLEAN = Expr.alt(Expr.text("true"), Expr.text("false"));
    static final Expr NULL = Expr.text("null");
    static final Expr FRACTION = Expr.seq(Expr.text("."), Expr.repeat(DIGIT, 1, MAX_DIGITS));
    static final Expr INTEGER = Expr.seq(Expr.optional(Expr.text("-")), Expr.alt(Expr.text("0"),
            Expr.seq(Expr.range('1', '9'), Expr.repeat(DIGIT, 0, MAX_DIGITS - 1))));
    static final Expr NUMBER = Expr.seq(INTEGER, Expr.optional(FRACTION), Expr.optional(Expr.seq(Expr.anyOf("eE"),
            Expr.optional(Expr.anyOf("+-")), DIGIT, Expr.optional(DIGIT))));
    static final Expr STRING = string(0, MAX_STRING);

    private JsonText() {}

    private static Expr character() {
        Expr low = Expr.seq(Expr.alt(DIGIT, Expr.anyOf("abcefABCEF")), HEX, HEX, HEX);
        Expr d = Expr.anyOf("dD");
        Expr belowSurrogates = Expr.seq(d, Expr.range('0', '7'), HEX, HEX);
        Expr pair = Expr.seq(d, Expr.alt(Expr.range('8', '9'), Expr.anyOf("abAB")), HEX, HEX, Expr.text("\\u"), d,
                Expr.anyOf("cdefCDEF"), HEX, HEX);
        Expr escape = Expr.seq(Expr.text("\\"), Expr.alt(Expr.anyOf("\"\\/bfnrt"),
                Expr.seq(Expr.text("u"), Expr.alt(low, belowSurrogates, pair))));
        return Expr.alt(CodePoints.PLAIN.utf8(), escape);
    }

    /** A string of so many characters. */
    static Expr string(int min, int max) {
        return quoted(Expr.repeat(CHARACTER, min, max));
    }

    static Expr quoted(Expr content) {
        return Expr.seq(Expr.text("\""), content, Expr.text("\""));
    }

    /** Any value with at most so many arrays and objects in each other. */
    static Expr value(int depth) {
        Expr value = Expr.alt(STRING, NUMBER, BOOLEAN, NULL);
        for (int i = 0; i < depth; i++) {
            value = Expr.alt(STRING, NUMBER, BOOLEAN, NULL, object(value), array(List.of(), value, 0, Expr.UNLIMITED));
        }
        return value;
    }

    /** Any object with at most so many arrays and objects in each other, itself included. */
    static Expr object(int depth) {
        return object(value(depth - 1));
    }

    /** An object of such values under any names. */
    private static Expr object(Expr value) {
        return braces(members(member(STRING, value), 0, Expr.UNLIMITED));
    }

    static Expr member(Expr name, Expr value) {
        return Expr.seq(name, Expr.text(":"), SPACE, value);
    }

    static Expr braces(Expr members) {
        return Expr.seq(Expr.text("{"), SPACE, members, Expr.text("}"));
    }

    /** So many of one, with commas between them, and space behind the last. */
    static Expr members(Expr one, int min, int max) {
        if (max == 0) {
            return min == 0 ? Expr.EMPTY : Expr.NEVER;
        }
        Expr more = Expr.repeat(Expr.seq(comma(), one), Math.max(0, min - 1),
                max == Expr.UNLIMITED ? max : max - 1);
        Expr some = Expr.seq(one, more, SPACE);
        return min == 0 ? Expr.optional(some) : some;
    }

    static Expr comma() {
        return Expr.seq(Expr.text(","), SPACE);
    }

    /**
     * An array.
     *
     * @param first its first items
     * @param rest the items behind them
     * @param min fewest items, the first ones included
     * @param max most of them
     */
    static Expr array(List<Expr> first, Expr rest, int min, int max) {
        Expr items;
        if (first.isEmpty()) {
            items = members(rest, min, max);
        } else if (max < first.size()) {
            return array(first.subList(0, max), Expr.NEVER, min, max);
        } else {
            Expr all = first.get(0);
            for (Expr item : first.subList(1, first.size())) {
                all = Expr.seq(all, comma(), item);
            }
            int more = max == Expr.UNLIMITED ? max : max - first.size();
            items = Expr.seq(all, Expr.repeat(Expr.seq(comma(), rest), Math.max(0, min - first.size()), more), SPACE);
        }
        return Expr.seq(Expr.text("["), SPACE, items, Expr.text("]"));
    }
}
