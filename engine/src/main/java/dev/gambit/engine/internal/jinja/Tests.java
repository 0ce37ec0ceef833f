package dev.gambit.engine.internal.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The tests behind {@code is}. */
final class Tests {

    /** One test. */
    interface Test {
        boolean holds(RenderState state, Object value, CallArguments arguments);
    }

    /** A test without arguments. */
    private interface PlainTest {
        boolean holds(Object value);
    }

    private static final Map<String, Test> ALL = new HashMap<>();

    static {
        plain("defined", value -> !(value instanceof Undefined));
        plain("undefined", value -> value instanceof Undefined);
        plain("none", value -> value == null);
        plain("boolean", value -> value instanceof Boolean);
        plain("true", value -> Boolean.TRUE.equals(value));
        plain("false", value -> Boolean.FALSE.equals(value));
        plain("integer", value -> value instanceof Long);
        plain("float", value -> value instanceof Double);
        plain("number", Operators::isNumber);
        plain("string", value -> value instanceof String);
        plain("mapping", value -> value instanceof Map<?, ?>);
        plain("sequence", value -> value instanceof String || value instanceof List<?> || value instanceof Map<?, ?>
                || value instanceof Undefined);
        plain("iterable", value -> value instanceof String || value instanceof List<?> || value instanceof Map<?, ?>
                || value instanceof Undefined || value instanceof LazySequence);
        plain("callable", value -> value instanceof Callable);
        plain("escaped", value -> false);
        ALL.put("lower", (state, value, arguments) -> {
            String s = PyText.str(state, value);
            return s.equals(s.toLowerCase(Locale.ROOT)) && !s.equals(s.toUpperCase(Locale.ROOT));
        });
        ALL.put("upper", (state, value, arguments) -> {
            String s = PyText.str(state, value);
            return s.equals(s.toUpperCase(Locale.ROOT)) && !s.equals(s.toLowerCase(Locale.ROOT));
        });
        ALL.put("odd", (state, value, arguments) -> remainder(state, value, 2L, 1L));
        ALL.put("even", (state, value, arguments) -> remainder(state, value, 2L, 0L));
        ALL.put("divisibleby", (state, value, arguments) -> remainder(state, value, one(state, arguments), 0L));
        ALL.put("sameas", (state, value, arguments) -> {
            Object other = one(state, arguments);
            return value == other || (value instanceof Boolean || value instanceof Long || value instanceof String)
                    && value.equals(other);
        });
        ALL.put("filter", (state, value, arguments) -> Filters.find(PyText.str(state, value)) != null);
        ALL.put("test", (state, value, arguments) -> find(PyText.str(state, value)) != null);
        comparison("==", "eq", "equalto", "==");
        comparison("!=", "ne", "!=");
        comparison("<", "lt", "lessthan", "<");
        comparison("<=", "le", "<=");
        comparison(">", "gt", "greaterthan", ">");
        comparison(">=", "ge", ">=");
        comparison("in", "in");
    }

    private Tests() {}

    /** The test of a name, or null. */
    static Test find(String name) {
        return ALL.get(name);
    }

    private static void plain(String name, PlainTest test) {
        ALL.put(name, (state, value, arguments) -> {
            arguments.bind(state, 0);
            return test.holds(value);
        });
    }

    private static void comparison(String operator, String... names) {
        for (String name : names) {
            ALL.put(name, (state, value, arguments) -> Operators.compare(state, operator, value, one(state,
                    arguments)));
        }
    }

    private static Object one(RenderState state, CallArguments arguments) {
        return arguments.bind(state, 1, "other").get(0, null);
    }

    private static boolean remainder(RenderState state, Object value, Object divisor, long wanted) {
        return Operators.equal(state, Operators.arithmetic(state, "%", value, divisor), wanted);
    }
}
