package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The methods of texts, lists and maps: Python's, less those that change the object. */
final class Methods {

    private static final Set<String> MAP = Set.of("get", "items", "keys", "values", "copy");
    private static final Set<String> LIST = Set.of("index", "count", "copy");
    private static final Set<String> MAP_MUTATING = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> LIST_MUTATING =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

    private Methods() {}

    static boolean has(Object target, String name) {
        return switch (target) {
            case String s -> TextMethods.NAMES.contains(name);
            case Map<?, ?> map -> MAP.contains(name);
            case Tuple tuple -> LIST.contains(name) && !name.equals("copy");
            case List<?> list -> LIST.contains(name);
            case null, default -> false;
        };
    }

    static boolean isMutating(Object target, String name) {
        return target instanceof Map<?, ?> && MAP_MUTATING.contains(name)
                || target instanceof List<?> && LIST_MUTATING.contains(name);
    }

    static Object call(RenderState state, Object target, String name, CallArguments arguments) {
        return switch (target) {
            case String s -> TextMethods.call(state, s, name, arguments);
            case Map<?, ?> map -> ofMap(state, map, name, arguments);
            default -> ofList(state, (List<?>) target, name, arguments);
        };
    }

    private static Object ofMap(RenderState state, Map<?, ?> map, String name, CallArguments arguments) {
        if (name.equals("get")) {
            CallArguments.Bound bound = arguments.bind(state, 1, "key", "default");
            Object key = bound.get(0, null);
            if (key instanceof Undefined) {
                return bound.get(1, null);
            }
            key = Operators.key(state, key);
            return map.containsKey(key) ? map.get(key) : bound.get(1, null);
        }
        arguments.bind(state, 0);
        state.charge(map.size());
        return switch (name) {
            case "items" -> items(map);
            case "keys" -> new ArrayList<Object>(map.keySet());
            case "values" -> new ArrayList<Object>(map.values());
            default -> new LinkedHashMap<Object, Object>(map);
        };
    }

    static List<Object> items(Map<?, ?> map) {
        List<Object> items = new ArrayList<>(map.size());
        map.forEach((key, value) -> items.add(new Tuple(key, value)));
        return items;
    }

    private static Object ofList(RenderState state, List<?> list, String name, CallArguments arguments) {
        if (name.equals("copy")) {
            arguments.bind(state, 0);
            state.charge(list.size());
            return new ArrayList<Object>(list);
        }
        Object wanted = arguments.bind(state, 1, "value").get(0, null);
        long count = 0;
        for (int i = 0; i < list.size(); i++) {
            if (Operators.equal(state, list.get(i), wanted)) {
                if (name.equals("index")) {
                    return (long) i;
                }
                count++;
            }
        }
        if (name.equals("index")) {
            throw state.error("a list that contains the value", "one without it");
        }
        return count;
    }
}
