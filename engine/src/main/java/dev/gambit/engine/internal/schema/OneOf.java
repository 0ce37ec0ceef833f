package dev.gambit.engine.internal.schema;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Whether what is generated for one alternative of a oneOf can never fulfil another. */
final class OneOf {

    private static final int MAX_DEPTH = 8;

    private final SchemaMerge merge;

    OneOf(SchemaMerge merge) {
        this.merge = merge;
    }

    /** Returns whether no document that is generated for {@code a} fulfils {@code b}. */
    boolean excludes(String path, Object a, Object b) {
        return excludes(path, a, b, 0);
    }

    private boolean excludes(String path, Object one, Object other, int depth) {
        if (depth > MAX_DEPTH || !(merge.flat(path, one) instanceof Map<?, ?> a)
                || !(merge.flat(path, other) instanceof Map<?, ?> b)) {
            return Boolean.FALSE.equals(one) || Boolean.FALSE.equals(other);
        }
        List<?> left = values(a);
        List<?> right = values(b);
        if (left != null && right != null) {
            return left.stream().noneMatch(x -> right.stream().anyMatch(y -> SchemaMerge.same(x, y)));
        }
        Set<String> types = new HashSet<>(SchemaCompiler.types(a));
        Set<String> others = new HashSet<>(b.containsKey("type") ? SchemaCompiler.types(b)
                : right != null ? SchemaCompiler.types(b) : Keywords.TYPES);
        if (types.contains("integer") || types.contains("number")) {
            types.add("number");
        }
        if (others.contains("integer") || others.contains("number")) {
            others.add("number");
            others.add("integer");
        }
        types.retainAll(others);
        if (types.isEmpty()) {
            return true;
        }
        return types.equals(Set.of("object")) && objectsExclude(path, a, b, depth);
    }

    private boolean objectsExclude(String path, Map<?, ?> a, Map<?, ?> b, int depth) {
        Map<?, ?> left = properties(a);
        Map<?, ?> right = properties(b);
        boolean leftOpen = a.containsKey("additionalProperties")
                ? !Boolean.FALSE.equals(a.get("additionalProperties"))
                : !a.containsKey("properties");
        for (Object name : required(a)) {
            if (right.containsKey(name) && left.containsKey(name)
                    && excludes(path + "/" + name, left.get(name), right.get(name), depth + 1)) {
                return true;
            }
            if (!right.containsKey(name) && Boolean.FALSE.equals(b.get("additionalProperties"))) {
                return true;
            }
        }
        return !leftOpen && required(b).stream().anyMatch(n -> !left.containsKey(n) && !required(a).contains(n));
    }

    private static List<?> values(Map<?, ?> schema) {
        return schema.containsKey("const") ? Collections.singletonList(schema.get("const")) : (List<?>) schema.get(
                "enum");
    }

    private static Map<?, ?> properties(Map<?, ?> schema) {
        return schema.get("properties") instanceof Map<?, ?> p ? p : Map.of();
    }

    private static List<?> required(Map<?, ?> schema) {
        return schema.get("required") instanceof List<?> r ? r : List.of();
    }
}
