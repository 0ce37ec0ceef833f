package dev.gambit.engine.internal.jinja;

import java.util.List;
import java.util.Map;

/** An expression of the template language, as parsed. */
sealed interface Expr {

    record Literal(Object value) implements Expr {}

    record Name(String name) implements Expr {}

    record ListOf(List<Expr> items) implements Expr {}

    record TupleOf(List<Expr> items) implements Expr {}

    record DictOf(List<Expr> keys, List<Expr> values) implements Expr {}

    record Attribute(Expr target, String name) implements Expr {}

    record Subscript(Expr target, Expr index) implements Expr {}

    /** {@code start:stop:step} inside brackets; each part may be null. */
    record Slice(Expr start, Expr stop, Expr step) implements Expr {}

    record Call(Expr target, Arguments arguments) implements Expr {}

    /** {@code target | name(arguments)}; the target is null in a filter block, whose text takes its place. */
    record Filter(Expr target, String name, Arguments arguments) implements Expr {}

    record Test(Expr target, String name, Arguments arguments) implements Expr {}

    record Negative(Expr operand) implements Expr {}

    record Positive(Expr operand) implements Expr {}

    record Not(Expr operand) implements Expr {}

    record And(Expr left, Expr right) implements Expr {}

    record Or(Expr left, Expr right) implements Expr {}

    /** An arithmetic operator: one of {@code + - * / // % **}. */
    record Arithmetic(String operator, Expr left, Expr right) implements Expr {}

    record Concat(List<Expr> parts) implements Expr {}

    /** A comparison chain as in Python: {@code first op[0] rest[0] op[1] rest[1] ...}. */
    record Compare(Expr first, List<String> operators, List<Expr> rest) implements Expr {}

    /** {@code then if test else otherwise}; otherwise may be null. */
    record Conditional(Expr test, Expr then, Expr otherwise) implements Expr {}

    /** What stands between the brackets of a call; the starred parts may be null. */
    record Arguments(List<Expr> positional, Map<String, Expr> keywords, Expr star, Expr doubleStar) {

        static final Arguments NONE = new Arguments(List.of(), Map.of(), null, null);
    }
}
