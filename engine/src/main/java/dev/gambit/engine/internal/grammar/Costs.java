package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.internal.grammar.Expr.Alt;
import dev.gambit.engine.internal.grammar.Expr.Literal;
import dev.gambit.engine.internal.grammar.Expr.OneByte;
import dev.gambit.engine.internal.grammar.Expr.Repeat;
import dev.gambit.engine.internal.grammar.Expr.Seq;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * How many tokens suffice to write the shortest string of an expression, part by part: never fewer than are needed, and
 * there is always a next token with which one fewer suffice.
 */
final class Costs {

    /** The cost of what cannot be written. */
    static final int INFINITE = 1 << 28;

    private final TokenTrie trie;
    /** Of an expression; for a literal and a sequence of what is left behind each place. */
    private final Map<Expr, int[]> known = new IdentityHashMap<>();

    Costs(TokenTrie trie) {
        this.trie = trie;
    }

    static int sum(int a, int b) {
        return Math.min(INFINITE, a + b);
    }

    /** Returns what is left of an expression from a place on; place 0 is all of it. */
    int of(Expr e, int place) {
        int[] costs = known.get(e);
        if (costs == null) {
            costs = compute(e);
            known.put(e, costs);
        }
        return costs[place];
    }

    /** Returns what a number of repetitions cost. */
    int repeated(Repeat r, int times) {
        return (int) Math.min(INFINITE, (long) of(r.body, 0) * times);
    }

    private int[] compute(Expr e) {
        return switch (e) {
            case OneByte b -> new int[] {b.set.intersects(trie.single) ? 1 : INFINITE};
            case Literal l -> trie.fewestTokens(l.bytes);
            case Seq s -> {
                int[] costs = new int[s.parts.size() + 1];
                for (int i = s.parts.size() - 1; i >= 0; i--) {
                    costs[i] = sum(of(s.parts.get(i), 0), costs[i + 1]);
                }
                yield costs;
            }
            case Alt a -> {
                int least = INFINITE;
                for (Expr part : a.parts) {
                    least = Math.min(least, of(part, 0));
                }
                yield new int[] {least};
            }
            case Repeat r -> new int[] {repeated(r, r.min)};
        };
    }
}
