package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Runs statements and writes their text. */
final class Interpreter {

    /** How a run of statements ended. */
    enum Outcome { NORMAL, BREAK, CONTINUE }

    private final RenderState state;
    private final Evaluator evaluator;

    Interpreter(RenderState state) {
        this.state = state;
        this.evaluator = state.evaluator;
    }

    Outcome run(List<Stmt> statements, Scope scope, StringBuilder out) {
        for (Stmt statement : statements) {
            Outcome outcome = run(statement, scope, out);
            if (outcome != Outcome.NORMAL) {
                return outcome;
            }
        }
        return Outcome.NORMAL;
    }

    private Outcome run(Stmt statement, Scope scope, StringBuilder out) {
        state.step();
        state.line = statement.line();
        switch (statement) {
            case Stmt.Text text -> state.append(out, text.text());
            case Stmt.Output output -> state.append(out, PyText.str(state, evaluator.evaluate(output.value(), scope)));
            case Stmt.If branching -> {
                for (Stmt.Branch branch : branching.branches()) {
                    if (Operators.truth(evaluator.evaluate(branch.test(), scope))) {
                        return run(branch.body(), scope, out);
                    }
                }
                return run(branching.otherwise(), scope, out);
            }
            case Stmt.For loop -> {
                return loop(loop, scope, out);
            }
            case Stmt.Assign assign -> assign(assign.target(), evaluator.evaluate(assign.value(), scope), scope);
            case Stmt.AssignBlock assign -> assign(assign.target(),
                    filter(capture(assign.body(), new Scope(scope)), assign.filters(), scope), scope);
            case Stmt.MacroDefinition macro -> scope.set(macro.signature().name(),
                    new Macro(this, macro.signature(), macro.body(), scope));
            case Stmt.CallBlock block -> state.append(out, PyText.str(state, callBlock(block, scope)));
            case Stmt.FilterBlock block -> state.append(out, PyText.str(state,
                    filter(capture(block.body(), new Scope(scope)), block.filters(), scope)));
            case Stmt.With with -> {
                Scope inner = new Scope(scope);
                for (int i = 0; i < with.targets().size(); i++) {
                    assign(with.targets().get(i), evaluator.evaluate(with.values().get(i), scope), inner);
                }
                return run(with.body(), inner, out);
            }
            case Stmt.Break end -> {
                return Outcome.BREAK;
            }
            case Stmt.Continue next -> {
                return Outcome.CONTINUE;
            }
        }
        return Outcome.NORMAL;
    }

    String capture(List<Stmt> body, Scope scope) {
        StringBuilder text = new StringBuilder();
        run(body, scope, text);
        return text.toString();
    }

    private Object filter(Object value, List<Expr.Filter> filters, Scope scope) {
        Object result = value;
        for (Expr.Filter filter : filters) {
            result = evaluator.filter(result, filter, scope);
        }
        return result;
    }

    private Outcome loop(Stmt.For loop, Scope scope, StringBuilder out) {
        Iterator<?> source = Operators.iterate(state, evaluator.evaluate(loop.iterable(), scope));
        List<Object> items = new ArrayList<>();
        while (source.hasNext()) {
            Object item = source.next();
            state.step();
            if (loop.filter() != null) {
                Scope inner = new Scope(scope);
                assign(loop.target(), item, inner);
                if (!Operators.truth(evaluator.evaluate(loop.filter(), inner))) {
                    continue;
                }
            }
            items.add(item);
        }
        if (items.isEmpty()) {
            return run(loop.otherwise(), new Scope(scope), out);
        }
        Loop variable = new Loop(items);
        for (int i = 0; i < items.size(); i++) {
            variable.index = i;
            Scope inner = new Scope(scope);
            inner.set("loop", variable);
            assign(loop.target(), items.get(i), inner);
            if (run(loop.body(), inner, out) == Outcome.BREAK) {
                break;
            }
        }
        return Outcome.NORMAL;
    }

    private void assign(Stmt.Target target, Object value, Scope scope) {
        switch (target) {
            case Stmt.NameTarget name -> scope.set(name.name(), value);
            case Stmt.AttributeTarget attribute -> {
                if (!(scope.get(attribute.object()) instanceof Namespace namespace)) {
                    throw state.error("a namespace() on the left of '." + attribute.attribute() + " ='",
                            PyText.typeName(scope.get(attribute.object())));
                }
                namespace.attributes.put(attribute.attribute(), value);
            }
            case Stmt.TupleTarget tuple -> {
                List<Object> values = Operators.list(state, value);
                if (values.size() != tuple.targets().size()) {
                    throw state.error(tuple.targets().size() + " values to unpack", values.size());
                }
                for (int i = 0; i < values.size(); i++) {
                    assign(tuple.targets().get(i), values.get(i), scope);
                }
            }
        }
    }

    private Object callBlock(Stmt.CallBlock block, Scope scope) {
        Object function = evaluator.evaluate(block.call().target(), scope);
        CallArguments arguments = evaluator.arguments("call", block.call().arguments(), scope);
        java.util.Map<String, Object> keywords = new java.util.LinkedHashMap<>(arguments.keywords());
        keywords.put("caller", new Macro(this, block.signature(), block.body(), scope));
        return evaluator.call(function, new CallArguments("call", arguments.positional(), keywords));
    }

    Object evaluate(Expr expression, Scope scope) {
        return evaluator.evaluate(expression, scope);
    }
}
