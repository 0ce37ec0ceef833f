package dev.gambit.engine.internal.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A set of byte strings. Expressions are compared by identity and may be shared, so that one is a graph without cycles:
 * recursion is unrolled by whoever makes it, down to some depth.
 */
public abstract sealed class Expr {

    /** No upper limit of a repetition. */
    public static final int UNLIMITED = Integer.MAX_VALUE;

    /** The empty string alone. */
    public static final Expr EMPTY = new Seq(List.of());
    /** Nothing at all. */
    public static final Expr NEVER = new Alt(List.of());

    private Expr() {}

    /** One byte of a set. */
    static final class OneByte extends Expr {
        final ByteSet set;

        private OneByte(ByteSet set) {
            this.set = set;
        }
    }

    /** One string of one byte or more. */
    static final class Literal extends Expr {
        final byte[] bytes;

        private Literal(byte[] bytes) {
            this.bytes = bytes;
        }
    }

    /** One after the other. */
    static final class Seq extends Expr {
        final List<Expr> parts;

        private Seq(List<Expr> parts) {
            this.parts = parts;
        }
    }

    /** One of several. */
    static final class Alt extends Expr {
        final List<Expr> parts;

        private Alt(List<Expr> parts) {
            this.parts = parts;
        }
    }

    /** A number of times; the body is not empty. */
    static final class Repeat extends Expr {
        final Expr body;
        final int min;
        final int max;

        private Repeat(Expr body, int min, int max) {
            this.body = body;
            this.min = min;
            this.max = max;
        }
    }

    /** A text, as UTF-8. */
    public static Expr text(String text) {
        return text.isEmpty() ? EMPTY : new Literal(text.getBytes(StandardCharsets.UTF_8));
    }

    /** One byte from {@code first} to {@code last}, both included. */
    public static Expr range(int first, int last) {
        return new OneByte(ByteSet.range(first, last));
    }

    /** One ASCII character of those in a text. */
    public static Expr anyOf(String characters) {
        ByteSet set = ByteSet.range(1, 0);
        for (int i = 0; i < characters.length(); i++) {
            set = set.or(ByteSet.range(characters.charAt(i), characters.charAt(i)));
        }
        return new OneByte(set);
    }

    /** One after the other. */
    public static Expr seq(Expr... parts) {
        return seq(List.of(parts));
    }

    /** One after the other. */
    public static Expr seq(List<Expr> parts) {
        List<Expr> flat = new ArrayList<>(parts.size());
        for (Expr part : parts) {
            if (part == NEVER) {
                return NEVER;
            }
            if (part instanceof Seq s) {
                flat.addAll(s.parts);
            } else {
                flat.add(part);
            }
        }
        return flat.isEmpty() ? EMPTY : flat.size() == 1 ? flat.get(0) : new Seq(List.copyOf(flat));
    }

    /** One of several. */
    public static Expr alt(Expr... parts) {
        return alt(List.of(parts));
    }

    /** One of several; single bytes become one set. */
    public static Expr alt(List<Expr> parts) {
        List<Expr> flat = new ArrayList<>(parts.size());
        ByteSet bytes = null;
        for (Expr part : parts) {
            for (Expr p : part instanceof Alt a ? a.parts : List.of(part)) {
                if (p instanceof OneByte b) {
                    bytes = bytes == null ? b.set : bytes.or(b.set);
                } else if (!flat.contains(p)) {
                    flat.add(p);
                }
            }
        }
        if (bytes != null) {
            flat.add(0, new OneByte(bytes));
        }
        return flat.isEmpty() ? NEVER : flat.size() == 1 ? flat.get(0) : new Alt(List.copyOf(flat));
    }

    /** There or not. */
    public static Expr optional(Expr part) {
        return alt(part, EMPTY);
    }

    /**
     * A number of times.
     *
     * @param min fewest times
     * @param max most times, or {@link #UNLIMITED}
     */
    public static Expr repeat(Expr body, int min, int max) {
        if (max < min) {
            return NEVER;
        }
        boolean empty = body.isNullable();
        Expr part = empty ? body.withoutEmpty() : body;
        int fewest = empty ? 0 : min;
        if (part == NEVER) {
            return fewest == 0 ? EMPTY : NEVER;
        }
        if (max == 0) {
            return EMPTY;
        }
        return fewest == 1 && max == 1 ? part : new Repeat(part, fewest, max);
    }

    /** Returns whether the empty string belongs to it. */
    public boolean isNullable() {
        return switch (this) {
            case OneByte b -> false;
            case Literal l -> false;
            case Seq s -> s.parts.stream().allMatch(Expr::isNullable);
            case Alt a -> a.parts.stream().anyMatch(Expr::isNullable);
            case Repeat r -> r.min == 0;
        };
    }

    /** The same without the empty string. */
    private Expr withoutEmpty() {
        return switch (this) {
            case OneByte b -> b;
            case Literal l -> l;
            case Seq s -> {
                // the first part that is not empty is this one or one behind it
                List<Expr> ways = new ArrayList<>();
                for (int i = 0; i < s.parts.size(); i++) {
                    List<Expr> way = new ArrayList<>(s.parts.subList(i, s.parts.size()));
                    way.set(0, way.get(0).withoutEmpty());
                    ways.add(seq(way));
                    if (!s.parts.get(i).isNullable()) {
                        break;
                    }
                }
                yield alt(ways);
            }
            case Alt a -> alt(a.parts.stream().map(Expr::withoutEmpty).toList());
            case Repeat r -> seq(r.body, repeat(r.body, Math.max(0, r.min - 1), r.max == UNLIMITED ? UNLIMITED
                    : r.max - 1));
        };
    }
}
