package dev.gambit.engine.internal.jinja;

import java.util.List;

/** A statement of the template language, as parsed. */
sealed interface Stmt {

    /** The line it starts on, for error messages. */
    int line();

    record Text(String text, int line) implements Stmt {}

    record Output(Expr value, int line) implements Stmt {}

    record If(List<Branch> branches, List<Stmt> otherwise, int line) implements Stmt {}

    record Branch(Expr test, List<Stmt> body) {}

    /** A loop; the filter may be null. */
    record For(Target target, Expr iterable, Expr filter, List<Stmt> body, List<Stmt> otherwise, int line)
            implements Stmt {}

    record Assign(Target target, Expr value, int line) implements Stmt {}

    /** {@code set x | filters} ... {@code endset}: the body's text, filtered, becomes the value. */
    record AssignBlock(Target target, List<Expr.Filter> filters, List<Stmt> body, int line) implements Stmt {}

    record MacroDefinition(Signature signature, List<Stmt> body, int line) implements Stmt {}

    record CallBlock(Signature signature, Expr.Call call, List<Stmt> body, int line) implements Stmt {}

    record FilterBlock(List<Expr.Filter> filters, List<Stmt> body, int line) implements Stmt {}

    /** {@code with}: targets assigned in a scope of their own. */
    record With(List<Target> targets, List<Expr> values, List<Stmt> body, int line) implements Stmt {}

    record Break(int line) implements Stmt {}

    record Continue(int line) implements Stmt {}

    /** A macro's name and parameters; the defaults belong to the last parameters. */
    record Signature(String name, List<String> parameters, List<Expr> defaults) {}

    /** Where an assignment goes. */
    sealed interface Target {}

    record NameTarget(String name) implements Target {}

    record AttributeTarget(String object, String attribute) implements Target {}

    record TupleTarget(List<Target> targets) implements Target {}
}
