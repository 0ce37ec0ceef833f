package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Turns a JSON schema into the documents to generate for it: all of them are valid, and not every valid one is among them.
 * Members come in the schema's order; without {@code additionalProperties}, an object that names properties has no
 * others (llama.cpp's json-schema-to-grammar does the same); numbers, blanks and nesting have bounds.
 */
final class SchemaCompiler {

    /** How often a definition may lie within itself. */
    private static final int MAX_RECURSION = 10;
    /** Schemas compiled, with those that are put together and those that repeat themselves. */
    private static final int MAX_SCHEMAS = 20_000;
    /** Items, characters or members that have to come. */
    private static final int MAX_COUNT = 10_000;

    private record Definition(String ref, int depth) {}

    private final SchemaSource source;
    private final SchemaMerge merge;
    private final OneOf oneOf;
    private final Map<Definition, Expr> definitions = new HashMap<>();
    private final Expr any = JsonText.value(JsonText.MAX_DEPTH);
    private int compiled;

    private SchemaCompiler(Object root) {
        source = new SchemaSource(root);
        merge = new SchemaMerge(source);
        oneOf = new OneOf(merge);
    }

    /** Returns the documents for a schema. */
    static Expr compile(Object schema) {
        SchemaCompiler compiler = new SchemaCompiler(schema);
        return compiler.compile("#", schema, 0);
    }

    private Expr compile(String path, Object schema, int depth) {
        if (schema instanceof Boolean b) {
            return b ? any : Expr.NEVER;
        }
        if (!(schema instanceof Map<?, ?> map)) {
            throw SchemaSource.error(path, "an object, true or false", JsonWriter.write(schema), "correct the schema");
        }
        if (++compiled > MAX_SCHEMAS) {
            throw SchemaSource.error(path, "at most " + MAX_SCHEMAS + " schemas", "more", "take a smaller schema");
        }
        Keywords.check(path, map);
        Map<String, Object> k = new LinkedHashMap<>();
        map.forEach((name, value) -> {
            if (!Keywords.isAnnotation((String) name)) {
                k.put((String) name, value);
            }
        });
        if (k.isEmpty()) {
            return any;
        }
        if (k.containsKey("$ref")) {
            String ref = (String) k.get("$ref");
            source.resolve(path + "/$ref", ref); // so that a wrong one is named by its place
            int below = source.isRecursive(ref) ? depth + 1 : depth;
            if (below > MAX_RECURSION) {
                return Expr.NEVER;
            }
            return k.size() == 1 ? definition(path, ref, below) : compile(path, merge.flat(path, k), below);
        }
        if (k.containsKey("allOf")) {
            return compile(path, merge.flat(path, k), depth);
        }
        if (k.containsKey("anyOf") || k.containsKey("oneOf")) {
            return alternatives(path, k, depth);
        }
        return k.containsKey("const") || k.containsKey("enum") ? values(path, k) : typed(path, k, depth);
    }

    private Expr definition(String path, String ref, int depth) {
        Definition d = new Definition(ref, depth);
        Expr known = definitions.get(d);
        if (known == null) {
            Object target = source.resolve(path + "/$ref", ref);
            if (target instanceof Map<?, ?> m && m.containsKey("$ref")) {
                target = merge.flat(path, target); // says so where it runs in a circle
            }
            known = compile(ref, target, depth);
            definitions.put(d, known);
        }
        return known;
    }

    private Expr alternatives(String path, Map<String, Object> k, int depth) {
        String key = k.containsKey("anyOf") ? "anyOf" : "oneOf";
        Map<String, Object> rest = new LinkedHashMap<>(k);
        List<?> schemas = (List<?>) rest.remove(key);
        List<Object> merged = new ArrayList<>();
        for (int i = 0; i < schemas.size(); i++) {
            Object schema = schemas.get(i);
            merged.add(rest.isEmpty() ? schema : merge.both(path + "/" + key + "/" + i, rest, schema));
        }
        if (key.equals("oneOf")) {
            for (int i = 0; i < merged.size(); i++) {
                for (int j = 0; j < merged.size(); j++) {
                    if (i != j && !oneOf.excludes(path, merged.get(i), merged.get(j))) {
                        throw SchemaSource.error(path + "/oneOf", "alternatives that exclude each other",
                                "number " + i + " and " + j + ", which may hold at once",
                                "take anyOf, or tell them apart by type or a required const");
                    }
                }
            }
        }
        List<Expr> ways = new ArrayList<>();
        for (int i = 0; i < merged.size(); i++) {
            ways.add(compile(path + "/" + key + "/" + i, merged.get(i), depth));
        }
        return Expr.alt(ways);
    }

    private static Expr values(String path, Map<String, Object> k) {
        List<?> values = k.containsKey("const") ? Collections.singletonList(k.get("const")) : (List<?>) k.get("enum");
        for (String key : k.keySet()) {
            if (!Keywords.GENERAL.contains(key)) {
                throw SchemaSource.error(path + "/" + key, "nothing but a type beside const or enum", key,
                        "leave out the values that it excludes, then the keyword");
            }
        }
        List<Expr> ways = new ArrayList<>();
        for (Object value : values) {
            if (!k.containsKey("type") || types(k).stream().anyMatch(t -> isOf(value, t))) {
                ways.add(Expr.text(JsonWriter.write(value)));
            }
        }
        return Expr.alt(ways);
    }

    private static boolean isOf(Object value, String type) {
        return switch (type) {
            case "object" -> value instanceof Map<?, ?>;
            case "array" -> value instanceof List<?>;
            case "string" -> value instanceof String;
            case "number" -> value instanceof BigDecimal;
            case "integer" -> value instanceof BigDecimal n && n.stripTrailingZeros().scale() <= 0;
            case "boolean" -> value instanceof Boolean;
            default -> value == null;
        };
    }

    /** Returns the types that are generated for a schema: those it names, else those its keywords and values are about. */
    static List<String> types(Map<?, ?> schema) {
        Object type = schema.get("type");
        if (type != null) {
            return type instanceof List<?> l ? l.stream().map(t -> (String) t).distinct().toList() : List.of(
                    (String) type);
        }
        List<?> values = schema.containsKey("const") ? Collections.singletonList(schema.get("const"))
                : (List<?>) schema.get("enum");
        Set<String> types = new LinkedHashSet<>();
        for (String t : Keywords.TYPES) {
            boolean about = values != null ? values.stream().anyMatch(v -> isOf(v, t))
                    : !t.equals("integer") && Keywords.OF_TYPE.get(t).stream().anyMatch(schema::containsKey);
            if (about) {
                types.add(t);
            }
        }
        return types.isEmpty() ? Keywords.TYPES : List.copyOf(types);
    }

    private Expr typed(String path, Map<String, Object> k, int depth) {
        List<Expr> ways = new ArrayList<>();
        List<String> types = types(k);
        for (String type : types) {
            ways.add(switch (type) {
                case "object" -> object(path, k, depth);
                case "array" -> array(path, k, depth);
                case "string" -> string(path, k);
                case "number" -> number(path, k, false);
                case "integer" -> types.contains("number") ? Expr.NEVER : number(path, k, true);
                case "boolean" -> JsonText.BOOLEAN;
                default -> JsonText.NULL;
            });
        }
        return Expr.alt(ways);
    }

    private static int count(String path, Map<String, Object> k, String key, int otherwise) {
        if (!k.containsKey(key)) {
            return otherwise;
        }
        BigDecimal n = (BigDecimal) k.get(key);
        boolean large = n.compareTo(BigDecimal.valueOf(MAX_COUNT)) > 0;
        if (large && key.startsWith("min")) {
            throw SchemaSource.error(path + "/" + key, "at most " + MAX_COUNT, n.toPlainString(),
                    "take a lower number");
        }
        return large ? Expr.UNLIMITED : n.intValue();
    }

    private static Expr string(String path, Map<String, Object> k) {
        int min = count(path, k, "minLength", 0);
        int max = count(path, k, "maxLength", Expr.UNLIMITED);
        String format = (String) k.get("format");
        boolean free = format == null || Formats.isFree(format);
        if (k.containsKey("pattern")) {
            if (!free) {
                throw SchemaSource.error(path, "a pattern or a format", "both", "leave one of them out");
            }
            return JsonText.quoted(Pattern.parse("JSON schema, " + path + "/pattern", (String) k.get("pattern"), min,
                    max));
        }
        if (free) {
            return JsonText.string(min, Math.max(min, Math.min(max, JsonText.MAX_STRING)) == JsonText.MAX_STRING
                    ? Math.max(min, JsonText.MAX_STRING) : max);
        }
        if (!Formats.isKnown(format)) {
            throw SchemaSource.error(path + "/format", "one of " + String.join(", ", Formats.names()), format,
                    "leave it out, or describe it with a pattern");
        }
        return JsonText.quoted(Formats.of("JSON schema, " + path + "/format", format, min, max));
    }

    private static Expr number(String path, Map<String, Object> k, boolean integer) {
        BigDecimal step = (BigDecimal) k.get("multipleOf");
        boolean whole = integer;
        if (step != null) {
            if (step.compareTo(BigDecimal.ONE) != 0) {
                throw SchemaSource.error(path + "/multipleOf", 1, step.toPlainString(), "leave it out");
            }
            whole = true;
        }
        boolean int32 = "int32".equals(k.get("format"));
        NumberRange range = range(k, int32 ? BigDecimal.valueOf(Integer.MIN_VALUE) : null,
                int32 ? BigDecimal.valueOf(Integer.MAX_VALUE) : null);
        boolean free = range.min() == null && range.max() == null;
        return whole ? free ? JsonText.INTEGER : range.integers() : free ? JsonText.NUMBER : range.numbers();
    }

    private static NumberRange range(Map<String, Object> k, BigDecimal lowest, BigDecimal highest) {
        BigDecimal min = (BigDecimal) k.getOrDefault("minimum", lowest);
        BigDecimal above = (BigDecimal) k.get("exclusiveMinimum");
        boolean minExcluded = above != null && (min == null || above.compareTo(min) >= 0);
        BigDecimal max = (BigDecimal) k.getOrDefault("maximum", highest);
        BigDecimal below = (BigDecimal) k.get("exclusiveMaximum");
        boolean maxExcluded = below != null && (max == null || below.compareTo(max) <= 0);
        return new NumberRange(minExcluded ? above : min, minExcluded, maxExcluded ? below : max, maxExcluded);
    }

    private Expr array(String path, Map<String, Object> k, int depth) {
        int min = count(path, k, "minItems", 0);
        int max = count(path, k, "maxItems", Expr.UNLIMITED);
        if (Boolean.TRUE.equals(k.get("uniqueItems")) && max > 1) {
            throw SchemaSource.error(path + "/uniqueItems", "false, or one item at most", true, "leave it out");
        }
        boolean tuple = k.get("items") instanceof List<?>;
        List<?> firstSchemas = tuple ? (List<?>) k.get("items") : (List<?>) k.getOrDefault("prefixItems", List.of());
        List<Expr> first = new ArrayList<>();
        for (int i = 0; i < firstSchemas.size(); i++) {
            first.add(compile(path + (tuple ? "/items/" : "/prefixItems/") + i, firstSchemas.get(i), depth));
        }
        String key = tuple ? "additionalItems" : "items";
        Expr rest = k.containsKey(key) ? compile(path + "/" + key, k.get(key), depth)
                : first.isEmpty() || min > first.size() ? any : Expr.NEVER;
        return JsonText.array(first, rest, min, max);
    }

    /** A member of an object, and whether it has to be there. */
    private record Property(Expr member, boolean required) {}

    private Expr object(String path, Map<String, Object> k, int depth) {
        Map<?, ?> schemas = (Map<?, ?>) k.getOrDefault("properties", Map.of());
        Set<Object> required = new LinkedHashSet<>((List<?>) k.getOrDefault("required", List.of()));
        Object additional = k.getOrDefault("additionalProperties", !k.containsKey("properties"));
        Map<String, Property> properties = new LinkedHashMap<>();
        schemas.forEach((name, schema) -> properties.put((String) name,
                new Property(member((String) name, compile(path + "/properties/" + name, schema, depth)),
                        required.contains(name))));
        Expr others = compile(path + "/additionalProperties", additional, depth);
        for (Object name : required) {
            if (!properties.containsKey(name)) {
                // a name that is demanded and not described may have any value that further members may have
                Expr value = k.containsKey("additionalProperties") ? others : any;
                properties.put((String) name, new Property(member((String) name, value), true));
            }
        }
        Expr other = others == Expr.NEVER ? Expr.NEVER
                : JsonText.member(properties.isEmpty() ? JsonText.STRING : Names.otherThan(properties.keySet()),
                        others);
        int min = count(path, k, "minProperties", 0);
        int max = count(path, k, "maxProperties", Expr.UNLIMITED);
        if (min > Math.max(required.size(), properties.isEmpty() ? 1 : 0)) {
            throw SchemaSource.error(path + "/minProperties", "as many as are required, or 1 where none are named", min,
                    "name them under required");
        }
        if (properties.isEmpty()) {
            return JsonText.braces(JsonText.members(other, min, max));
        }
        if (max < properties.size()) {
            throw SchemaSource.error(path + "/maxProperties", "as many as there are properties, or more", max,
                    "leave it out");
        }
        int room = max == Expr.UNLIMITED ? max : max - properties.size();
        return JsonText.braces(members(List.copyOf(properties.values()), other, room));
    }

    private static Expr member(String name, Expr value) {
        return JsonText.member(Expr.text(JsonWriter.write(name)), value);
    }

    /** The properties in their order, those that are not required there or not, then up to so many others. */
    private static Expr members(List<Property> properties, Expr other, int others) {
        // built from the end: what may follow where a member was written already, and where none was
        Expr behind = Expr.repeat(Expr.seq(JsonText.comma(), other), 0, others);
        Expr first = others == 0 ? Expr.EMPTY : Expr.optional(Expr.seq(other, behind));
        for (int i = properties.size() - 1; i >= 0; i--) {
            Property p = properties.get(i);
            Expr begin = Expr.seq(p.member, behind);
            Expr go = Expr.seq(JsonText.comma(), p.member, behind);
            first = p.required ? begin : Expr.alt(begin, first);
            behind = p.required ? go : Expr.alt(go, behind);
        }
        return Expr.seq(first, JsonText.SPACE);
    }
}
