package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes the values of expressions. */
final class Evaluator {

    private final RenderState state;

    Evaluator(RenderState state) {
        this.state = state;
    }

    Object evaluate(Expr expression, Scope scope) {
        state.step();
        return switch (expression) {
            case Expr.Literal literal -> literal.value();
            case Expr.Name name -> scope.get(name.name());
            case Expr.ListOf list -> values(list.items(), scope);
            case Expr.TupleOf tuple -> Tuple.of(values(tuple.items(), scope));
            case Expr.DictOf dict -> dict(dict, scope);
            case Expr.Attribute attribute ->
                Access.attribute(state, evaluate(attribute.target(), scope), attribute.name());
            case Expr.Subscript subscript -> subscript(subscript, scope);
            case Expr.Slice slice -> throw state.error("a slice inside brackets", "one outside");
            case Expr.Call call -> call(call, scope);
            case Expr.Filter filter -> filter(evaluate(filter.target(), scope), filter, scope);
            case Expr.Test test -> test(evaluate(test.target(), scope), test.name(),
                    arguments(test.name(), test.arguments(), scope));
            case Expr.Negative negative -> Operators.negate(state, evaluate(negative.operand(), scope));
            case Expr.Positive positive -> positive(evaluate(positive.operand(), scope));
            case Expr.Not not -> !Operators.truth(evaluate(not.operand(), scope));
            case Expr.And and -> {
                Object left = evaluate(and.left(), scope);
                yield Operators.truth(left) ? evaluate(and.right(), scope) : left;
            }
            case Expr.Or or -> {
                Object left = evaluate(or.left(), scope);
                yield Operators.truth(left) ? left : evaluate(or.right(), scope);
            }
            case Expr.Arithmetic arithmetic -> Operators.arithmetic(state, arithmetic.operator(),
                    evaluate(arithmetic.left(), scope), evaluate(arithmetic.right(), scope));
            case Expr.Concat concat -> {
                StringBuilder out = new StringBuilder();
                for (Expr part : concat.parts()) {
                    state.append(out, PyText.str(state, evaluate(part, scope)));
                }
                yield out.toString();
            }
            case Expr.Compare compare -> compare(compare, scope);
            case Expr.Conditional conditional -> {
                if (Operators.truth(evaluate(conditional.test(), scope))) {
                    yield evaluate(conditional.then(), scope);
                }
                yield conditional.otherwise() != null ? evaluate(conditional.otherwise(), scope)
                        : new Undefined("the inline if has no else");
            }
        };
    }

    private Object positive(Object value) {
        if (!Operators.isNumber(value)) {
            throw state.error("a number after the sign", PyText.typeName(value));
        }
        return value instanceof Boolean ? Operators.asInteger(value) : value;
    }

    private List<Object> values(List<Expr> expressions, Scope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expr expression : expressions) {
            values.add(evaluate(expression, scope));
        }
        return values;
    }

    private Object dict(Expr.DictOf dict, Scope scope) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys().size(); i++) {
            map.put(Operators.key(state, evaluate(dict.keys().get(i), scope)),
                    evaluate(dict.values().get(i), scope));
        }
        return map;
    }

    private Object subscript(Expr.Subscript subscript, Scope scope) {
        Object target = evaluate(subscript.target(), scope);
        if (subscript.index() instanceof Expr.Slice slice) {
            return Access.slice(state, target, optional(slice.start(), scope), optional(slice.stop(), scope),
                    optional(slice.step(), scope));
        }
        return Access.element(state, target, evaluate(subscript.index(), scope));
    }

    private Object optional(Expr expression, Scope scope) {
        return expression == null ? null : evaluate(expression, scope);
    }

    private boolean compare(Expr.Compare compare, Scope scope) {
        Object left = evaluate(compare.first(), scope);
        for (int i = 0; i < compare.operators().size(); i++) {
            Object right = evaluate(compare.rest().get(i), scope);
            if (!Operators.compare(state, compare.operators().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private Object call(Expr.Call call, Scope scope) {
        Object function = evaluate(call.target(), scope);
        return call(function, arguments(describe(call.target()), call.arguments(), scope));
    }

    Object call(Object function, CallArguments arguments) {
        if (!(function instanceof Callable callable)) {
            throw state.error("a function named '" + arguments.name() + "'", PyText.typeName(function));
        }
        state.enter();
        Object result = callable.call(state, arguments);
        state.leave();
        return result;
    }

    private static String describe(Expr target) {
        return switch (target) {
            case Expr.Name name -> name.name();
            case Expr.Attribute attribute -> attribute.name();
            default -> "call";
        };
    }

    /** Applies a filter of the template's text; its target has been evaluated. */
    Object filter(Object value, Expr.Filter filter, Scope scope) {
        return filter(value, arguments(filter.name(), filter.arguments(), scope));
    }

    Object filter(Object value, CallArguments arguments) {
        Filters.Filter filter = Filters.find(arguments.name());
        if (filter == null) {
            throw state.error("a known filter", "'" + arguments.name() + "'");
        }
        if (value instanceof String s) {
            state.charge(s.length());
        }
        return filter.apply(state, value, arguments);
    }

    boolean test(Object value, String name, CallArguments arguments) {
        Tests.Test test = Tests.find(name);
        if (test == null) {
            throw state.error("a known test", "'is " + name + "'");
        }
        return test.holds(state, value, arguments);
    }

    CallArguments arguments(String name, Expr.Arguments arguments, Scope scope) {
        if (arguments == Expr.Arguments.NONE) {
            return CallArguments.of(name);
        }
        List<Object> positional = values(arguments.positional(), scope);
        if (arguments.star() != null) {
            Iterator<?> more = Operators.iterate(state, evaluate(arguments.star(), scope));
            more.forEachRemaining(positional::add);
        }
        Map<String, Object> keywords = new LinkedHashMap<>();
        arguments.keywords().forEach((key, value) -> keywords.put(key, evaluate(value, scope)));
        if (arguments.doubleStar() != null) {
            if (!(evaluate(arguments.doubleStar(), scope) instanceof Map<?, ?> more)) {
                throw state.error("a mapping after '**'", "another value");
            }
            more.forEach((key, value) -> keywords.put(PyText.str(state, key), value));
        }
        return new CallArguments(name, positional, keywords);
    }
}
