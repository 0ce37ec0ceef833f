package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Names of members that are none of those a schema knows. */
final class Names {

    private static final int MAX_LENGTH = 64;
    private static final Expr PLAIN = CodePoints.PLAIN.utf8();

    private Names() {}

    /** Returns names of one character or more, in quotes and without escapes, which could spell a known one. */
    static Expr otherThan(Collection<String> known) {
        return JsonText.quoted(rest(known.stream().map(n -> n.codePoints().boxed().toList()).toList(), 0, true));
    }

    /** What may follow the first characters, which all of some names share. */
    private static Expr rest(List<List<Integer>> names, int at, boolean first) {
        if (names.isEmpty()) {
            return Expr.repeat(PLAIN, first ? 1 : 0, MAX_LENGTH);
        }
        if (at == MAX_LENGTH) {
            return names.stream().allMatch(n -> n.size() > at) ? Expr.EMPTY : Expr.NEVER;
        }
        Map<Integer, List<List<Integer>>> byNext = names.stream().filter(n -> n.size() > at)
                .collect(Collectors.groupingBy(n -> n.get(at), TreeMap::new, Collectors.toList()));
        List<Expr> ways = new ArrayList<>();
        if (!first && names.stream().allMatch(n -> n.size() > at)) {
            ways.add(Expr.EMPTY);
        }
        CodePoints others = CodePoints.PLAIN;
        for (Map.Entry<Integer, List<List<Integer>>> next : byNext.entrySet()) {
            CodePoints one = CodePoints.of(next.getKey(), next.getKey());
            others = others.minus(one);
            if (!one.and(CodePoints.PLAIN).isEmpty()) {
                ways.add(Expr.seq(one.utf8(), rest(next.getValue(), at + 1, false)));
            }
        }
        ways.add(Expr.seq(others.utf8(), Expr.repeat(PLAIN, 0, MAX_LENGTH)));
        return Expr.alt(ways);
    }
}
