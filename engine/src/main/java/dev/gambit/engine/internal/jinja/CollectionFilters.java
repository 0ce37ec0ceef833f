package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Filters over lists, mappings and the characters of text. */
final class CollectionFilters {

    private CollectionFilters() {}

    static void register(Map<String, Filters.Filter> all) {
        all.put("length", CollectionFilters::length);
        all.put("count", CollectionFilters::length);
        all.put("first", (state, value, arguments) -> {
            Iterator<?> items = Operators.iterate(state, value);
            return items.hasNext() ? items.next() : new Undefined("there is no first item");
        });
        all.put("last", (state, value, arguments) -> {
            List<Object> items = Operators.list(state, value);
            return items.isEmpty() ? new Undefined("there is no last item") : items.get(items.size() - 1);
        });
        all.put("list", (state, value, arguments) -> Operators.list(state, value));
        all.put("reverse", CollectionFilters::reverse);
        all.put("join", CollectionFilters::join);
        all.put("items", (state, value, arguments) -> value instanceof Undefined ? new ArrayList<Object>()
                : Methods.items(mapping(state, value, "items")));
        all.put("map", CollectionFilters::map);
        all.put("select", (state, value, arguments) -> choose(state, value, arguments, false, true));
        all.put("reject", (state, value, arguments) -> choose(state, value, arguments, false, false));
        all.put("selectattr", (state, value, arguments) -> choose(state, value, arguments, true, true));
        all.put("rejectattr", (state, value, arguments) -> choose(state, value, arguments, true, false));
        all.put("sort", CollectionFilters::sort);
        all.put("dictsort", CollectionFilters::dictSort);
        all.put("unique", CollectionFilters::unique);
        all.put("min", (state, value, arguments) -> extreme(state, value, arguments, -1));
        all.put("max", (state, value, arguments) -> extreme(state, value, arguments, 1));
        all.put("sum", CollectionFilters::sum);
        all.put("batch", CollectionFilters::batch);
    }

    private static Map<?, ?> mapping(RenderState state, Object value, String filter) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw state.error("a mapping for '" + filter + "'", PyText.typeName(value));
    }

    private static Object length(RenderState state, Object value, CallArguments arguments) {
        arguments.bind(state, 0);
        return switch (value) {
            case String s -> (long) s.codePointCount(0, s.length());
            case List<?> list -> (long) list.size();
            case Map<?, ?> map -> (long) map.size();
            case Undefined u -> 0L;
            case null, default -> throw state.error("a value with a length", PyText.typeName(value));
        };
    }

    private static Object reverse(RenderState state, Object value, CallArguments arguments) {
        arguments.bind(state, 0);
        if (value instanceof String s) {
            return new StringBuilder(s).reverse().toString();
        }
        List<Object> items = Operators.list(state, value);
        Collections.reverse(items);
        return new LazySequence(items.iterator());
    }

    private static Object join(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "d", "attribute");
        List<Object> items = Operators.list(state, value);
        if (bound.get(1, null) != null) {
            items.replaceAll(item -> path(state, item, bound.get(1, null)));
        }
        return TextMethods.join(state, PyText.str(state, bound.get(0, "")), items.iterator(), true);
    }

    /** An attribute given as {@code 'a.b.0'}: names and element numbers between dots. */
    private static Object path(RenderState state, Object item, Object path) {
        if (path instanceof Long index) {
            return Access.element(state, item, index);
        }
        Object value = item;
        for (String part : PyText.str(state, path).split("\\.", -1)) {
            boolean number = !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
            value = Access.element(state, value, number ? (Object) Long.valueOf(part) : part);
        }
        return value;
    }

    /** map, select and reject take any false value, such as none, for an empty list. */
    private static List<Object> itemsOfTrue(RenderState state, Object value) {
        return Operators.truth(value) ? Operators.list(state, value) : new ArrayList<>();
    }

    private static Object map(RenderState state, Object value, CallArguments arguments) {
        List<Object> items = itemsOfTrue(state, value);
        if (arguments.positional().isEmpty()) {
            CallArguments.Bound bound = new CallArguments("map", List.of(), arguments.keywords())
                    .bind(state, 0, "attribute", "default");
            Object attribute = bound.get(0, null);
            if (attribute == null) {
                throw state.error("a filter or an attribute for 'map'", "none");
            }
            items.replaceAll(item -> {
                Object result = path(state, item, attribute);
                return result instanceof Undefined ? bound.get(1, result) : result;
            });
        } else {
            CallArguments rest = arguments.from(1, PyText.str(state, arguments.positional().get(0)));
            items.replaceAll(item -> state.evaluator.filter(item, rest));
        }
        return new LazySequence(items.iterator());
    }

    private static Object choose(RenderState state, Object value, CallArguments arguments, boolean byAttribute,
            boolean keep) {
        int used = byAttribute ? 1 : 0;
        if (arguments.positional().size() < used) {
            throw state.error("an attribute for '" + arguments.name() + "'", "none");
        }
        List<Object> kept = new ArrayList<>();
        for (Object item : itemsOfTrue(state, value)) {
            state.step();
            Object tested = byAttribute ? path(state, item, arguments.positional().get(0)) : item;
            boolean holds;
            if (arguments.positional().size() == used) {
                holds = Operators.truth(tested);
            } else {
                String test = PyText.str(state, arguments.positional().get(used));
                holds = state.evaluator.test(tested, test, arguments.from(used + 1, test));
            }
            if (holds == keep) {
                kept.add(item);
            }
        }
        return new LazySequence(kept.iterator());
    }

    private static Object sort(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "reverse", "case_sensitive", "attribute");
        List<Object> items = Operators.list(state, value);
        Comparator<Object> order = (a, b) -> compareKeys(state, key(state, a, bound.get(2, null)),
                key(state, b, bound.get(2, null)), bound.truth(1, false));
        items.sort(bound.truth(0, false) ? order.reversed() : order);
        return items;
    }

    private static Object key(RenderState state, Object item, Object attribute) {
        return attribute == null ? item : path(state, item, attribute);
    }

    private static int compareKeys(RenderState state, Object a, Object b, boolean caseSensitive) {
        state.step();
        return Operators.compare(state, fold(a, caseSensitive), fold(b, caseSensitive));
    }

    private static Object fold(Object value, boolean caseSensitive) {
        return !caseSensitive && value instanceof String s ? s.toLowerCase(Locale.ROOT) : value;
    }

    private static Object dictSort(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "case_sensitive", "by", "reverse");
        List<Object> items = Methods.items(mapping(state, value, "dictsort"));
        int place = bound.text(1, "key").equals("value") ? 1 : 0;
        Comparator<Object> order = (a, b) -> compareKeys(state, ((Tuple) a).get(place), ((Tuple) b).get(place),
                bound.truth(0, false));
        items.sort(bound.truth(2, false) ? order.reversed() : order);
        return items;
    }

    private static Object unique(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "case_sensitive", "attribute");
        java.util.Set<Object> seen = new java.util.HashSet<>();
        List<Object> kept = new ArrayList<>();
        for (Object item : Operators.list(state, value)) {
            if (seen.add(Operators.key(state, fold(key(state, item, bound.get(1, null)), bound.truth(0, false))))) {
                kept.add(item);
            }
        }
        return new LazySequence(kept.iterator());
    }

    private static Object extreme(RenderState state, Object value, CallArguments arguments, int sign) {
        CallArguments.Bound bound = arguments.bind(state, 0, "case_sensitive", "attribute");
        Object best = new Undefined("there is no item in an empty sequence");
        for (Object item : Operators.list(state, value)) {
            if (best instanceof Undefined || sign * compareKeys(state, key(state, item, bound.get(1, null)),
                    key(state, best, bound.get(1, null)), bound.truth(0, false)) > 0) {
                best = item;
            }
        }
        return best;
    }

    private static Object sum(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "attribute", "start");
        Object total = bound.get(1, 0L);
        for (Object item : Operators.list(state, value)) {
            total = Operators.arithmetic(state, "+", total, key(state, item, bound.get(0, null)));
        }
        return total;
    }

    private static Object batch(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 1, "linecount", "fill_with");
        int size = bound.integer(0, 1);
        if (size < 1 || size > 100_000) {
            throw state.error("a batch size from 1 to 100000", size);
        }
        List<Object> batches = new ArrayList<>();
        List<Object> current = new ArrayList<>();
        for (Object item : Operators.list(state, value)) {
            if (current.size() == size) {
                batches.add(current);
                current = new ArrayList<>();
            }
            current.add(item);
        }
        if (!current.isEmpty()) {
            while (bound.get(1, null) != null && current.size() < size) {
                current.add(bound.get(1, null));
            }
            batches.add(current);
        }
        return new LazySequence(batches.iterator());
    }
}
