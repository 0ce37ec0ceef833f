package dev.gambit.engine.internal.schema;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is known of JSON Schema's keywords. */
final class Keywords {

    /** They say nothing about which documents are valid. */
    static final Set<String> ANNOTATIONS = Set.of("title", "description", "default", "example", "examples",
            "deprecated",
            "readOnly", "writeOnly", "$comment", "$schema", "$id", "id", "$anchor", "$vocabulary", "discriminator",
            "contentEncoding", "contentMediaType", "contentSchema", "externalDocs", "xml");

    /** Places for schemas that others refer to. */
    static final Set<String> DEFINITIONS = Set.of("$defs", "definitions");

    /** Type by type, the keywords that say something about it. */
    static final Map<String, List<String>> OF_TYPE = Map.of(
            "object", List.of("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
            "array", List.of("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"),
            "string", List.of("minLength", "maxLength", "pattern", "format"),
            "number", List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
            "integer", List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
            "boolean", List.of(),
            "null", List.of());

    /** The types in the order in which they are tried. */
    static final List<String> TYPES =
            List.of("object", "array", "string", "number", "integer", "boolean", "null");

    /** Keywords that may stand beside any type. */
    static final Set<String> GENERAL = Set.of("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref");

    private Keywords() {}

    /** Returns whether a keyword can be left out without changing which documents are valid. */
    static boolean isAnnotation(String keyword) {
        return ANNOTATIONS.contains(keyword) || DEFINITIONS.contains(keyword) || keyword.startsWith("x-");
    }

    private static boolean isSupported(String keyword) {
        return GENERAL.contains(keyword) || isAnnotation(keyword)
                || OF_TYPE.values().stream().anyMatch(k -> k.contains(keyword));
    }

    /**
     * Checks that all keywords of a schema are known and have the form they should have.
     *
     * @param path where the schema stands
     */
    static void check(String path, Map<?, ?> schema) {
        schema.forEach((k, value) -> {
            String key = (String) k;
            String place = path + "/" + key;
            boolean off = Boolean.FALSE.equals(value) && (key.equals("nullable") || key.equals("uniqueItems"));
            if (!isSupported(key) && !off) {
                throw SchemaSource.error(place, "a keyword that generation can follow", key,
                        "leave it out or write the schema without it");
            }
            String expected = expected(key, value);
            if (expected != null) {
                throw SchemaSource.error(place, expected, JsonWriter.write(value), "correct the schema");
            }
        });
    }

    /** Returns what a keyword's value should have been; null where it is that. */
    private static String expected(String key, Object value) {
        return switch (key) {
            case "type" -> (value instanceof List<?> l ? !l.isEmpty() && TYPES.containsAll(l) : TYPES.contains(value))
                    ? null : "one or more of " + String.join(", ", TYPES);
            case "enum" -> value instanceof List<?> ? null : "an array of values";
            case "anyOf", "oneOf", "allOf" -> value instanceof List<?> l && !l.isEmpty() && l.stream().allMatch(
                    Keywords::isSchema) ? null : "an array of schemas";
            case "properties" -> value instanceof Map<?, ?> m && m.values().stream().allMatch(Keywords::isSchema)
                    ? null : "an object of schemas";
            case "required" -> value instanceof List<?> l && l.stream().allMatch(String.class::isInstance)
                    ? null : "an array of names";
            case "additionalProperties", "additionalItems" -> isSchema(value) ? null : "a schema";
            case "items" -> isSchema(value) || isSchemas(value) ? null : "a schema or an array of schemas";
            case "prefixItems" -> isSchemas(value) ? null : "an array of schemas";
            case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties" -> isCount(value)
                    ? null : "a whole number from 0";
            case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf" -> isNumber(value)
                    ? null : "a number of up to 30 digits";
            case "pattern", "format", "$ref" -> value instanceof String ? null : "a text";
            case "uniqueItems" -> value instanceof Boolean ? null : "true or false";
            default -> null;
        };
    }

    private static boolean isSchema(Object value) {
        return value instanceof Map<?, ?> || value instanceof Boolean;
    }

    private static boolean isSchemas(Object value) {
        return value instanceof List<?> l && l.stream().allMatch(Keywords::isSchema);
    }

    private static boolean isNumber(Object value) {
        // digits are spelled out one by one: an exponent must not make millions of them
        return value instanceof BigDecimal n && Math.abs((long) n.scale()) <= 30 && n.precision() <= 30;
    }

    private static boolean isCount(Object value) {
        return isNumber(value) && ((BigDecimal) value).signum() >= 0
                && ((BigDecimal) value).stripTrailingZeros().scale() <= 0;
    }
}
