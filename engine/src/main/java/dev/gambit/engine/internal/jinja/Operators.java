package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's truth, comparison, arithmetic, membership and indexing over the interpreter's values. */
final class Operators {

    private Operators() {}

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Undefined u -> false;
            case Boolean b -> b;
            case Long n -> n != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> true;
        };
    }

    /** An integer, or a boolean as one; null for anything else. */
    static Long asInteger(Object value) {
        return switch (value) {
            case Long n -> n;
            case Boolean b -> b ? 1L : 0L;
            case null, default -> null;
        };
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double asDouble(Object number) {
        return number instanceof Double d ? d : asInteger(number).doubleValue();
    }

    static boolean equal(RenderState state, Object a, Object b) {
        state.enter();
        boolean result = equalInside(state, a, b);
        state.leave();
        return result;
    }

    private static boolean equalInside(RenderState state, Object a, Object b) {
        if (a == b || a instanceof Undefined && b instanceof Undefined) {
            return true;
        }
        if (isNumber(a) && isNumber(b)) {
            Long m = asInteger(a);
            Long n = asInteger(b);
            return m != null && n != null ? m.equals(n) : asDouble(a) == asDouble(b);
        }
        if (a instanceof String s && b instanceof String t) {
            state.charge(Math.min(s.length(), t.length()));
            return s.equals(t);
        }
        if (a instanceof List<?> s && b instanceof List<?> t) {
            if (s instanceof Tuple != t instanceof Tuple || s.size() != t.size()) {
                return false;
            }
            for (int i = 0; i < s.size(); i++) {
                if (!equal(state, s.get(i), t.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Map<?, ?> s && b instanceof Map<?, ?> t) {
            if (s.size() != t.size()) {
                return false;
            }
            for (Map.Entry<?, ?> entry : s.entrySet()) {
                if (!t.containsKey(entry.getKey()) || !equal(state, entry.getValue(), t.get(entry.getKey()))) {
                    return false;
                }
            }
            return true;
        }
        return false;
    }

    /** The order of two numbers, texts or lists; anything else has none. */
    static int compare(RenderState state, Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            Long m = asInteger(a);
            Long n = asInteger(b);
            return m != null && n != null ? m.compareTo(n) : Double.compare(asDouble(a), asDouble(b));
        }
        if (a instanceof String s && b instanceof String t) {
            state.charge(Math.min(s.length(), t.length()));
            return compareText(s, t);
        }
        if (a instanceof List<?> s && b instanceof List<?> t && s instanceof Tuple == t instanceof Tuple) {
            state.enter();
            int result = Integer.compare(s.size(), t.size());
            for (int i = 0; i < Math.min(s.size(), t.size()); i++) {
                if (!equal(state, s.get(i), t.get(i))) {
                    result = compare(state, s.get(i), t.get(i));
                    break;
                }
            }
            state.leave();
            return result;
        }
        throw state.error("two numbers or two texts to compare", operands(a, b));
    }

    /** By code points, as Python does; Java's own order is by UTF-16 units. */
    private static int compareText(String s, String t) {
        int i = 0;
        while (i < s.length() && i < t.length() && s.charAt(i) == t.charAt(i)) {
            i++;
        }
        if (i == s.length() || i == t.length()) {
            return Integer.compare(s.length(), t.length());
        }
        if (i > 0 && Character.isHighSurrogate(s.charAt(i - 1))) {
            i--;
        }
        return Integer.compare(s.codePointAt(i), t.codePointAt(i));
    }

    static boolean compare(RenderState state, String operator, Object a, Object b) {
        return switch (operator) {
            case "==" -> equal(state, a, b);
            case "!=" -> !equal(state, a, b);
            case "in" -> contains(state, b, a);
            case "not in" -> !contains(state, b, a);
            default -> {
                boolean nan = a instanceof Double d && d.isNaN() || b instanceof Double e && e.isNaN();
                int order = compare(state, a, b);
                yield !nan && switch (operator) {
                    case "<" -> order < 0;
                    case "<=" -> order <= 0;
                    case ">" -> order > 0;
                    default -> order >= 0;
                };
            }
        };
    }

    /** {@code item in container}. */
    static boolean contains(RenderState state, Object container, Object item) {
        switch (container) {
            case String s -> {
                if (!(item instanceof String t)) {
                    throw state.error("text on the left of 'in' text", PyText.typeName(item));
                }
                state.chargeSearch(s.length(), t.length());
                return s.contains(t);
            }
            case Map<?, ?> map -> {
                return map.containsKey(key(state, item));
            }
            case null, default -> {
                Iterator<?> items = iterate(state, container);
                while (items.hasNext()) {
                    if (equal(state, items.next(), item)) {
                        return true;
                    }
                }
                return false;
            }
        }
    }

    /** A value as a key of a map; 1 and 1.0 are the same key, as in Python. */
    static Object key(RenderState state, Object value) {
        return switch (value) {
            case null -> null;
            case String s -> s;
            case Long n -> n;
            case Boolean b -> b;
            case Double d -> d == Math.rint(d) && Math.abs(d) < 0x1p53 ? (Object) d.longValue() : d;
            default -> throw state.error("text or a number as key", PyText.typeName(value));
        };
    }

    static Iterator<?> iterate(RenderState state, Object value) {
        return switch (value) {
            case List<?> list -> list.iterator();
            case Map<?, ?> map -> map.keySet().iterator();
            case String s -> characters(state, s).iterator();
            case LazySequence lazy -> lazy.items();
            case Undefined u -> Collections.emptyIterator();
            case null, default -> throw state.error("a value to go through one by one", PyText.typeName(value));
        };
    }

    static List<Object> list(RenderState state, Object value) {
        List<Object> items = new ArrayList<>();
        iterate(state, value).forEachRemaining(items::add);
        state.charge(items.size());
        return items;
    }

    private static List<Object> characters(RenderState state, String s) {
        // each becomes an object of its own, of some 50 bytes
        state.charge(32L * s.length());
        List<Object> items = new ArrayList<>(s.length());
        s.codePoints().forEach(c -> items.add(Character.toString(c)));
        return items;
    }

    static Object arithmetic(RenderState state, String operator, Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return numbers(state, operator, a, b);
        }
        if (operator.equals("+")) {
            if (a instanceof String s && b instanceof String t) {
                return concat(state, s, t);
            }
            if (a instanceof List<?> s && b instanceof List<?> t && s instanceof Tuple == t instanceof Tuple) {
                state.charge(s.size() + (long) t.size());
                List<Object> items = new ArrayList<>(s);
                items.addAll(t);
                return s instanceof Tuple ? Tuple.of(items) : items;
            }
        } else if (operator.equals("*")) {
            Object sequence = asInteger(b) != null ? a : b;
            Long count = asInteger(asInteger(b) != null ? b : a);
            if (count != null && (sequence instanceof String || sequence instanceof List<?>)) {
                return repeat(state, sequence, count);
            }
        } else if (operator.equals("%") && a instanceof String s) {
            return PercentFormat.format(state, s, b instanceof Tuple tuple ? tuple : Collections.singletonList(b));
        }
        throw state.error("values that '" + operator + "' can join", operands(a, b));
    }

    static String concat(RenderState state, String s, String t) {
        if (s.length() + (long) t.length() > RenderState.MAX_OUTPUT) {
            throw state.error("text of at most " + RenderState.MAX_OUTPUT + " characters", "more");
        }
        state.charge(s.length() + (long) t.length());
        return s.concat(t);
    }

    private static Object repeat(RenderState state, Object sequence, long count) {
        long times = Math.max(0, count);
        long length = sequence instanceof String s ? s.length() : ((List<?>) sequence).size();
        if (length > 0 && times > RenderState.MAX_OUTPUT / length) {
            throw state.error("at most " + RenderState.MAX_OUTPUT + " repeated characters", "more");
        }
        state.charge(length * times);
        if (length == 0 || times == 0) {
            return sequence instanceof String ? "" : sequence instanceof Tuple ? new Tuple() : new ArrayList<>();
        }
        if (sequence instanceof String s) {
            return s.repeat((int) times);
        }
        List<Object> items = new ArrayList<>((int) (length * times));
        for (long i = 0; i < times; i++) {
            items.addAll((List<?>) sequence);
        }
        return sequence instanceof Tuple ? Tuple.of(items) : items;
    }

    private static Object numbers(RenderState state, String operator, Object a, Object b) {
        Long m = asInteger(a);
        Long n = asInteger(b);
        boolean divides = operator.equals("/") || operator.equals("//") || operator.equals("%");
        if (divides && asDouble(b) == 0) {
            throw state.error("a divisor that is not 0", "0");
        }
        try {
            if (m != null && n != null && !operator.equals("/") && !(operator.equals("**") && n < 0)) {
                return switch (operator) {
                    case "+" -> Math.addExact(m, n);
                    case "-" -> Math.subtractExact(m, n);
                    case "*" -> Math.multiplyExact(m, n);
                    case "//" -> Math.floorDiv(m, n);
                    case "%" -> Math.floorMod(m, n);
                    default -> power(m, n);
                };
            }
        } catch (ArithmeticException e) {
            throw overflow(state, operator);
        }
        double x = asDouble(a);
        double y = asDouble(b);
        return switch (operator) {
            case "+" -> x + y;
            case "-" -> x - y;
            case "*" -> x * y;
            case "/" -> x / y;
            case "//" -> Math.floor(x / y);
            case "%" -> {
                double remainder = x % y;
                yield remainder != 0 && remainder < 0 != y < 0 ? remainder + y : remainder;
            }
            default -> Math.pow(x, y);
        };
    }

    private static GambitException overflow(RenderState state, String operator) {
        return state.error("integers of 64 bits from '" + operator + "'", "a larger one");
    }

    private static Long power(long base, long exponent) {
        if (base == 0 || base == 1 || base == -1) {
            return exponent == 0 ? 1L : base == -1 && exponent % 2 == 0 ? 1L : base;
        }
        long result = 1;
        for (long i = 0; i < exponent; i++) {
            // any other base leaves 64 bits, with an ArithmeticException, within 63 steps
            result = Math.multiplyExact(result, base);
        }
        return result;
    }

    static Object negate(RenderState state, Object value) {
        if (value instanceof Double d) {
            return -d;
        }
        Long n = asInteger(value);
        if (n == null || n == Long.MIN_VALUE) {
            throw state.error("a number after the sign", PyText.typeName(value));
        }
        return -n;
    }

    private static String operands(Object a, Object b) {
        return PyText.typeName(a) + " and " + PyText.typeName(b);
    }
}
