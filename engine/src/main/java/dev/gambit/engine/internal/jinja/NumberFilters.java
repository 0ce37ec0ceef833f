package dev.gambit.engine.internal.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;

/** Filters that make numbers. */
final class NumberFilters {

    private NumberFilters() {}

    static void register(Map<String, Filters.Filter> all) {
        all.put("abs", NumberFilters::abs);
        all.put("int", NumberFilters::integer);
        all.put("float", (state, value, arguments) -> {
            Object otherwise = arguments.bind(state, 0, "default").get(0, 0.0);
            Double number = parse(state, value);
            return number == null ? otherwise : number;
        });
        all.put("round", NumberFilters::round);
    }

    private static Object abs(RenderState state, Object value, CallArguments arguments) {
        arguments.bind(state, 0);
        if (!Operators.isNumber(value)) {
            throw state.error("a number for 'abs'", PyText.typeName(value));
        }
        return value instanceof Double d ? (Object) Math.abs(d)
                : Operators.asInteger(value) < 0 ? Operators.negate(state, value) : Operators.asInteger(value);
    }

    private static Object integer(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "default", "base");
        int base = bound.integer(1, 10);
        if (base < 2 || base > 36) {
            throw state.error("a base from 2 to 36", base);
        }
        if (value instanceof String s) {
            try {
                String digits = TextMethods.strip(state, s, null, true, true).replace("_", "")
                        .toLowerCase(java.util.Locale.ROOT);
                String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : " ";
                return Long.valueOf(digits.startsWith(prefix) ? digits.substring(2) : digits, base);
            } catch (NumberFormatException e) {
                // not an integer: Jinja2 takes it for a float then
            }
        }
        Long exact = Operators.asInteger(value);
        if (exact != null) {
            return exact;
        }
        Double number = parse(state, value);
        return number == null || !Double.isFinite(number) || Math.abs(number) >= 0x1p63
                ? bound.get(0, 0L) : (Object) number.longValue();
    }

    private static Double parse(RenderState state, Object value) {
        if (value instanceof Undefined u) {
            throw state.error("a number", u.reason());
        }
        if (Operators.isNumber(value)) {
            return Operators.asDouble(value);
        }
        if (value instanceof String s && s.strip().matches("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?")) {
            return Double.valueOf(s.strip());
        }
        return null;
    }

    private static Object round(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "precision", "method");
        int precision = bound.integer(0, 0);
        String method = bound.text(1, "common");
        if (!Operators.isNumber(value) || Math.abs(precision) > 300) {
            throw state.error("a number for 'round'", PyText.typeName(value));
        }
        double number = Operators.asDouble(value);
        if (!Double.isFinite(number)) {
            return number;
        }
        switch (method) {
            case "common" -> {
                double rounded = new BigDecimal(number).setScale(precision, RoundingMode.HALF_EVEN).doubleValue();
                return value instanceof Double ? (Object) rounded : (Object) (long) rounded;
            }
            case "ceil", "floor" -> {
                double factor = Math.pow(10, precision);
                return (method.equals("ceil") ? Math.ceil(number * factor) : Math.floor(number * factor)) / factor;
            }
            default -> throw state.error("one of the methods common, ceil, floor of 'round'", "'" + method + "'");
        }
    }
}
