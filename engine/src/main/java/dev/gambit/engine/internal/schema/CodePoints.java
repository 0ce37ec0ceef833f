package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/** A set of characters, surrogates never among them; immutable. */
final class CodePoints {

    /** All characters. */
    static final CodePoints ALL = of(0, Character.MAX_CODE_POINT);
    /** What may stand in a JSON string as it is. */
    static final CodePoints PLAIN = of(' ', Character.MAX_CODE_POINT)
            .minus(of('"', '"')).minus(of('\\', '\\')).minus(of(0x7f, 0x7f));
    /** No characters. */
    static final CodePoints NONE = new CodePoints(new BitSet());

    private static final int[] LENGTH_ENDS = {0x7f, 0x7ff, 0xffff, Character.MAX_CODE_POINT};

    private final BitSet bits;

    private CodePoints(BitSet bits) {
        this.bits = bits;
        bits.clear(Character.MIN_SURROGATE, Character.MAX_SURROGATE + 1);
    }

    /** The characters from {@code first} to {@code last}, both included. */
    static CodePoints of(int first, int last) {
        BitSet bits = new BitSet();
        bits.set(first, last + 1);
        return new CodePoints(bits);
    }

    /** The characters of a text. */
    static CodePoints of(String text) {
        BitSet bits = new BitSet();
        text.codePoints().forEach(bits::set);
        return new CodePoints(bits);
    }

    CodePoints or(CodePoints other) {
        BitSet b = (BitSet) bits.clone();
        b.or(other.bits);
        return new CodePoints(b);
    }

    CodePoints and(CodePoints other) {
        BitSet b = (BitSet) bits.clone();
        b.and(other.bits);
        return new CodePoints(b);
    }

    CodePoints minus(CodePoints other) {
        BitSet b = (BitSet) bits.clone();
        b.andNot(other.bits);
        return new CodePoints(b);
    }

    boolean isEmpty() {
        return bits.isEmpty();
    }

    /** One of them as UTF-8. */
    Expr utf8() {
        List<Expr> ways = new ArrayList<>();
        for (int from = bits.nextSetBit(0); from >= 0;) {
            int to = bits.nextClearBit(from) - 1;
            for (int end : LENGTH_ENDS) {
                if (from <= to && from <= end) {
                    utf8(from, Math.min(to, end), ways);
                    from = end + 1;
                }
            }
            from = bits.nextSetBit(to + 1);
        }
        return Expr.alt(ways);
    }

    /** Characters of one length in UTF-8, split until each byte runs through a range of its own. */
    private static void utf8(int from, int to, List<Expr> ways) {
        for (int shift = 6; shift <= 18; shift += 6) {
            int low = (1 << shift) - 1;
            if (from >> shift != to >> shift) {
                if ((from & low) != 0) {
                    utf8(from, from | low, ways);
                    utf8((from | low) + 1, to, ways);
                    return;
                }
                if ((to & low) != low) {
                    utf8(from, (to & ~low) - 1, ways);
                    utf8(to & ~low, to, ways);
                    return;
                }
            }
        }
        byte[] first = bytes(from);
        byte[] last = bytes(to);
        Expr[] parts = new Expr[first.length];
        Arrays.setAll(parts, i -> Expr.range(first[i] & 0xff, last[i] & 0xff));
        ways.add(Expr.seq(parts));
    }

    private static byte[] bytes(int codePoint) {
        return Character.toString(codePoint).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    /** One of them as it stands in a JSON string: as it is or, where it must be, escaped in the shortest way. */
    Expr json() {
        List<Expr> ways = new ArrayList<>();
        ways.add(and(PLAIN).utf8());
        minus(PLAIN).bits.stream().forEach(c -> ways.add(Expr.text(JsonWriter.escaped(c))));
        return Expr.alt(ways);
    }
}
