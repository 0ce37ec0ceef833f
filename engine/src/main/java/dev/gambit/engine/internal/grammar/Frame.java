package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.internal.grammar.Expr.Repeat;
import java.util.Objects;

/** What is left to write: some of an expression, then what lies below. Immutable; null is the end of the text. */
final class Frame {

    final Expr expr;
    /** A place in a literal or sequence; repetitions that have to come. */
    final int a;
    /** Repetitions that may come. */
    final int b;
    final Frame below;
    /** Tokens that suffice for all of it. */
    final int cost;
    private final int hash;

    Frame(Expr expr, int a, int b, Frame below, Costs costs) {
        this.expr = expr;
        this.a = a;
        this.b = b;
        this.below = below;
        int own = expr instanceof Repeat r ? costs.repeated(r, a) : costs.of(expr, a);
        cost = below == null ? own : Costs.sum(own, below.cost);
        hash = ((System.identityHashCode(expr) * 31 + a) * 31 + b) * 31 + (below == null ? 0 : below.hash);
    }

    /**
     * Returns the same with fewer repetitions to come, where they are so many that one token cannot tell.
     *
     * @param limit repetitions beyond those that have to come
     */
    Frame clamped(int limit, Costs costs) {
        Frame rest = below == null ? null : below.clamped(limit, costs);
        boolean many = expr instanceof Repeat && b != Expr.UNLIMITED && b - a > limit;
        return many || rest != below ? new Frame(expr, a, many ? a + limit : b, rest, costs) : this;
    }

    @Override
    public boolean equals(Object other) {
        return this == other || other instanceof Frame f && hash == f.hash && expr == f.expr && a == f.a && b == f.b
                && Objects.equals(below, f.below);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
