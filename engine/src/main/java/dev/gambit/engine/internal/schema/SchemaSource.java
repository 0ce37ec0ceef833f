package dev.gambit.engine.internal.schema;

import dev.gambit.engine.GambitException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A schema document: what its references point to, and which of those contain themselves. */
final class SchemaSource {

    private final Object root;
    private final Map<String, Boolean> recursive = new HashMap<>();

    SchemaSource(Object root) {
        this.root = root;
    }

    Object root() {
        return root;
    }

    static GambitException error(String path, Object expected, Object found, String cure) {
        return new GambitException(GambitException.line("JSON schema, " + path, expected, found, cure));
    }

    /**
     * Returns what a reference points to.
     *
     * @param path where it stands, for the message
     */
    Object resolve(String path, Object reference) {
        if (!(reference instanceof String ref) || !ref.startsWith("#")) {
            throw error(path, "a reference within the schema, such as #/$defs/name", reference,
                    "put what it points to into $defs");
        }
        Object at = root;
        if (ref.length() > 1) {
            if (ref.charAt(1) != '/') {
                throw error(path, "a path from #/", ref, "name the place by its path, such as #/$defs/name");
            }
            for (String step : ref.substring(2).split("/", -1)) {
                at = step(at, unescaped(step));
                if (at == null) {
                    throw error(path, "a place in the schema", ref, "correct the reference");
                }
            }
        }
        return at;
    }

    private static Object step(Object at, String step) {
        if (at instanceof Map<?, ?> map) {
            return map.get(step);
        }
        boolean index = at instanceof List<?> && step.matches("\\d{1,6}");
        return index && Integer.parseInt(step) < ((List<?>) at).size() ? ((List<?>) at).get(Integer.parseInt(step))
                : null;
    }

    private static String unescaped(String step) {
        String plain = step.indexOf('%') < 0 ? step
                : java.net.URLDecoder.decode(step.replace("+", "%2B"), java.nio.charset.StandardCharsets.UTF_8);
        return plain.replace("~1", "/").replace("~0", "~");
    }

    /** Returns whether what a reference points to leads back to it. */
    boolean isRecursive(String ref) {
        return recursive.computeIfAbsent(ref, r -> {
            Set<String> seen = new HashSet<>();
            Deque<Object> open = new ArrayDeque<>();
            open.push(resolve(r, r));
            while (!open.isEmpty()) {
                Object value = open.pop();
                if (value instanceof Map<?, ?> map) {
                    if (map.get("$ref") instanceof String next && seen.add(next)) {
                        open.push(resolve(next, next));
                    }
                    map.values().stream().filter(v -> v != null).forEach(open::push);
                } else if (value instanceof List<?> list) {
                    list.stream().filter(v -> v != null).forEach(open::push);
                }
            }
            return seen.contains(r);
        });
    }
}
