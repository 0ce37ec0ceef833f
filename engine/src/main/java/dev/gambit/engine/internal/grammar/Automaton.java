package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.grammar.Expr.Alt;
import dev.gambit.engine.internal.grammar.Expr.Literal;
import dev.gambit.engine.internal.grammar.Expr.OneByte;
import dev.gambit.engine.internal.grammar.Expr.Repeat;
import dev.gambit.engine.internal.grammar.Expr.Seq;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds which tokens may follow in a text of an expression. What it found is kept for the states that come up again;
 * repetitions that one token cannot exhaust are told apart no further, so those are few. For any number of threads.
 */
public final class Automaton {

    /** Repetitions that a token is thought to exhaust at most; longer tokens are not offered inside of them. */
    private static final int LIMIT = 48;
    private static final int MAX_STATES = 8192;
    private static final int MAX_MASKS = 1024;

    /**
     * Tokens that may follow a state.
     *
     * @param bits one per token
     * @param highest the highest cost that is left behind one of them
     */
    private record Mask(long[] bits, int highest) {}

    private final TokenTrie trie;
    private final Costs costs;
    private final State start;
    private final State dead = new State(List.of(), false);
    private final Map<State, State> states = new HashMap<>();
    private final Map<State, Mask> masks = new LinkedHashMap<>(16, 0.75f, true);
    private final State[] path = new State[TokenTrie.MAX_LENGTH + 1];

    /**
     * @param expr the language
     * @param trie the tokens
     * @throws GambitException where the tokens cannot write any text of the language
     */
    public Automaton(Expr expr, TokenTrie trie) {
        this.trie = trie;
        costs = new Costs(trie);
        Set<Frame> ways = new LinkedHashSet<>();
        boolean complete = enter(expr, null, ways);
        start = new State(List.copyOf(ways), complete);
        if (start.isDead()) {
            throw new GambitException(GambitException.line("constraint", "one that some finite text fulfils",
                    "none that this vocabulary can write", "look for required parts that contain themselves"));
        }
    }

    /** Returns what may follow at the beginning of a text. */
    State start() {
        return start;
    }

    /** Adds the ways to write an expression and then what lies below; returns whether it may end without a byte. */
    private boolean enter(Expr expr, Frame below, Set<Frame> ways) {
        return switch (expr) {
            case OneByte b -> add(new Frame(b, 0, 0, below, costs), ways);
            case Literal l -> add(new Frame(l, 0, 0, below, costs), ways);
            case Seq s -> enterPart(s, 0, below, ways);
            case Alt a -> {
                boolean ends = false;
                for (Expr part : a.parts) {
                    ends |= enter(part, below, ways);
                }
                yield ends;
            }
            case Repeat r -> repeat(r, r.min, r.max, below, ways);
        };
    }

    private static boolean add(Frame frame, Set<Frame> ways) {
        if (frame.cost < Costs.INFINITE) {
            ways.add(frame);
        }
        return false;
    }

    private boolean enterPart(Seq s, int part, Frame below, Set<Frame> ways) {
        if (part == s.parts.size()) {
            return goOn(below, ways);
        }
        Frame rest = part + 1 == s.parts.size() ? below : new Frame(s, part + 1, 0, below, costs);
        return enter(s.parts.get(part), rest, ways);
    }

    private boolean repeat(Repeat r, int min, int max, Frame below, Set<Frame> ways) {
        boolean ends = false;
        if (max > 0) {
            int left = max == Expr.UNLIMITED ? max : max - 1;
            Frame rest = left == 0 ? below : new Frame(r, Math.max(0, min - 1), left, below, costs);
            ends = enter(r.body, rest, ways);
        }
        return min == 0 ? ends | goOn(below, ways) : ends;
    }

    private boolean goOn(Frame frame, Set<Frame> ways) {
        if (frame == null) {
            return true;
        }
        return switch (frame.expr) {
            case Seq s -> enterPart(s, frame.a, frame.below, ways);
            case Repeat r -> repeat(r, frame.a, frame.b, frame.below, ways);
            default -> throw new IllegalStateException("a byte below another");
        };
    }

    private State follow(State state, int value) {
        Set<Frame> ways = new LinkedHashSet<>();
        boolean complete = false;
        for (Frame way : state.ways) {
            if (way.expr instanceof OneByte b) {
                complete |= b.set.contains(value) && goOn(way.below, ways);
            } else if (way.expr instanceof Literal l && (l.bytes[way.a] & 0xff) == value) {
                complete |= way.a + 1 == l.bytes.length
                        ? goOn(way.below, ways)
                        : add(new Frame(l, way.a + 1, 0, way.below, costs), ways);
            }
        }
        return ways.isEmpty() && !complete ? dead : new State(new ArrayList<>(ways), complete);
    }

    /**
     * Returns what may follow behind some more bytes.
     *
     * @return a dead state where they may not follow
     */
    synchronized State follow(State state, byte[] bytes) {
        State now = state;
        for (byte b : bytes) {
            now = follow(now, b & 0xff);
        }
        return now;
    }

    /**
     * Returns the tokens that may follow, as bits; not to be changed. While tokens are left, those alone behind which the
     * text can still be completed; where they do not suffice, those that leave the least to write.
     *
     * @param left tokens that may be written, at least 1
     */
    synchronized long[] allowed(State state, int left) {
        State now = clamped(state);
        Mask mask = masks.get(now);
        if (mask == null) {
            mask = mask(now, Costs.INFINITE);
            if (masks.size() >= MAX_MASKS) {
                masks.remove(masks.keySet().iterator().next());
            }
            masks.put(now, mask);
        }
        if (mask.highest < left) {
            return mask.bits;
        }
        // with one token drawn, left - 1 must suffice
        int affordable = Math.max(0, left - 1);
        int least = now.cost <= left ? affordable : Math.max(affordable, leastCost(now));
        return mask(now, least).bits;
    }

    private Mask mask(State state, int affordable) {
        long[] bits = state.complete ? trie.endOfGeneration.clone() : new long[trie.endOfGeneration.length];
        int highest = 0;
        path[0] = state;
        for (int node = 0; node < trie.size;) {
            State next = next(path[trie.depth[node]], trie.value[node] & 0xff);
            if (next == dead) {
                node = trie.end[node];
                continue;
            }
            if (next.cost <= affordable) {
                for (int i = trie.first[node]; i < trie.first[node + 1]; i++) {
                    int token = trie.tokens[i];
                    bits[token >> 6] |= 1L << token;
                    highest = Math.max(highest, next.cost);
                }
            }
            path[trie.depth[node] + 1] = next;
            node++;
        }
        return new Mask(bits, highest);
    }

    private int leastCost(State state) {
        int least = Costs.INFINITE;
        path[0] = state;
        for (int node = 0; node < trie.size;) {
            State next = next(path[trie.depth[node]], trie.value[node] & 0xff);
            if (next == dead) {
                node = trie.end[node];
                continue;
            }
            if (trie.first[node + 1] > trie.first[node]) {
                least = Math.min(least, next.cost);
            }
            path[trie.depth[node] + 1] = next;
            node++;
        }
        return least;
    }

    /** Returns the automaton's own state that stands for this one. */
    private State clamped(State state) {
        List<Frame> ways = new ArrayList<>(state.ways.size());
        for (Frame way : state.ways) {
            ways.add(way.clamped(LIMIT, costs));
        }
        return own(new State(ways, state.complete));
    }

    private State own(State state) {
        if (states.size() >= MAX_STATES) {
            // states are compared by what is in them: those forgotten are found again
            states.clear();
            masks.clear();
        }
        State known = states.putIfAbsent(state, state);
        return known == null ? state : known;
    }

    private State next(State state, int value) {
        if (state.next == null) {
            state.next = new State[256];
        }
        State next = state.next[value];
        if (next == null) {
            next = follow(state, value);
            next = next == dead ? dead : own(next);
            state.next[value] = next;
        }
        return next;
    }
}
