package dev.gambit.engine.internal.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One schema for what two schemas demand together, where one can be written. */
final class SchemaMerge {

    private static final int MAX_DEPTH = 64;

    private final SchemaSource source;

    SchemaMerge(SchemaSource source) {
        this.source = source;
    }

    /** Returns a schema without $ref and allOf at its top. */
    Object flat(String path, Object schema) {
        return flat(path, schema, 0);
    }

    private Object flat(String path, Object schema, int depth) {
        if (!(schema instanceof Map<?, ?> map) || !map.containsKey("$ref") && !map.containsKey("allOf")) {
            return schema;
        }
        if (depth > MAX_DEPTH) {
            throw SchemaSource.error(path, "references that end", "a circle of them", "refer to a schema of its own");
        }
        Keywords.check(path, map);
        Map<String, Object> rest = new LinkedHashMap<>();
        map.forEach((k, v) -> rest.put((String) k, v));
        Object ref = rest.remove("$ref");
        Object allOf = rest.remove("allOf");
        Object merged = rest;
        if (ref != null) {
            merged = both(path, flat(path, source.resolve(path + "/$ref", ref), depth + 1), merged, depth + 1);
        }
        if (allOf != null) {
            for (Object part : (List<?>) allOf) {
                merged = both(path, merged, flat(path, part, depth + 1), depth + 1);
            }
        }
        return merged;
    }

    /** Returns what fulfils both. */
    Object both(String path, Object a, Object b) {
        return both(path, a, b, 0);
    }

    private Object both(String path, Object a, Object b, int depth) {
        if (a instanceof Boolean x) {
            return x ? b : a;
        }
        if (b instanceof Boolean y) {
            return y ? a : b;
        }
        if (!(flat(path, a, depth) instanceof Map<?, ?> left) || !(flat(path, b, depth) instanceof Map<?, ?> right)) {
            throw SchemaSource.error(path, "schemas", "something else", "write an object, true or false");
        }
        Keywords.check(path, left);
        Keywords.check(path, right);
        boolean closed = left.containsKey("additionalProperties") || right.containsKey("additionalProperties");
        if (closed && !names(left).equals(names(right)) && !names(left).isEmpty() && !names(right).isEmpty()) {
            throw SchemaSource.error(path + "/additionalProperties", "one list of properties",
                    "two that are put together", "write the properties into one schema");
        }
        Map<String, Object> all = new LinkedHashMap<>();
        left.forEach((k, v) -> all.put((String) k, v));
        right.forEach((k, v) -> {
            String key = (String) k;
            all.put(key, all.containsKey(key) ? one(path, key, all.get(key), v, depth) : v);
        });
        if (all.containsKey("const") && all.containsKey("enum")) {
            Object value = all.remove("const");
            all.put("enum", common((List<?>) all.get("enum"), java.util.Collections.singletonList(value)));
        }
        return all;
    }

    private static Set<?> names(Map<?, ?> schema) {
        return schema.get("properties") instanceof Map<?, ?> p ? p.keySet() : Set.of();
    }

    private Object one(String path, String key, Object a, Object b, int depth) {
        if (Keywords.isAnnotation(key) || a != null && a.equals(b)) {
            return a;
        }
        return switch (key) {
            case "type" -> types(a, b);
            case "required" -> {
                Set<Object> all = new LinkedHashSet<>((List<?>) a);
                all.addAll((List<?>) b);
                yield new ArrayList<>(all);
            }
            case "enum" -> common((List<?>) a, (List<?>) b);
            case "const" -> throw conflict(path, key, a, b);
            case "properties" -> {
                Map<String, Object> all = new LinkedHashMap<>();
                ((Map<?, ?>) a).forEach((k, v) -> all.put((String) k, v));
                ((Map<?, ?>) b).forEach((k, v) -> all.merge((String) k, v,
                        (x, y) -> both(path + "/properties/" + k, x, y, depth + 1)));
                yield all;
            }
            case "items", "additionalProperties" -> both(path + "/" + key, a, b, depth + 1);
            case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties" -> number(path, key, a, b) < 0
                    ? b : a;
            case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties" -> number(path, key, a, b) > 0
                    ? b : a;
            default -> throw conflict(path, key, a, b);
        };
    }

    private static RuntimeException conflict(String path, String key, Object a, Object b) {
        return SchemaSource.error(path + "/" + key, "one value where schemas are put together",
                JsonWriter.write(a) + " and " + JsonWriter.write(b), "write what is meant into one schema");
    }

    private static int number(String path, String key, Object a, Object b) {
        if (a instanceof BigDecimal x && b instanceof BigDecimal y) {
            return x.compareTo(y);
        }
        throw conflict(path, key, a, b);
    }

    private static List<Object> types(Object a, Object b) {
        List<Object> left = a instanceof List<?> l ? new ArrayList<>(l) : List.of(a);
        List<Object> right = b instanceof List<?> l ? new ArrayList<>(l) : List.of(b);
        List<Object> common = new ArrayList<>();
        for (Object type : left) {
            if (right.contains(type) || type.equals("integer") && right.contains("number")) {
                common.add(type);
            } else if (type.equals("number") && right.contains("integer")) {
                common.add("integer");
            }
        }
        return common;
    }

    private static List<Object> common(List<?> a, List<?> b) {
        List<Object> common = new ArrayList<>();
        for (Object x : a) {
            if (b.stream().anyMatch(y -> same(x, y))) {
                common.add(x);
            }
        }
        return common;
    }

    /** Returns whether two values are one in JSON. */
    static boolean same(Object a, Object b) {
        if (a instanceof BigDecimal x && b instanceof BigDecimal y) {
            return x.compareTo(y) == 0;
        }
        return a == null ? b == null : a.equals(b);
    }
}
