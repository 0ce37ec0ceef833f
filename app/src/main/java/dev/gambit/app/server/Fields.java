package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The fields of a JSON object, read one by one with their type and range; each error names the field. {@code null} is
 * the same as left out, as clients write it that way. What nobody asked for is an error at the {@link #end}.
 */
final class Fields {

    private static final int SHOWN = 60;

    private final ObjectNode node;
    private final String prefix;
    private final Set<String> read = new HashSet<>();

    Fields(ObjectNode node) {
        this(node, "");
    }

    private Fields(ObjectNode node, String prefix) {
        this.node = node;
        this.prefix = prefix;
    }

    /** Returns a field's full name, such as {@code messages[0].role}. */
    String name(String field) {
        return prefix + field;
    }

    /** Returns a field; null where it is left out. */
    JsonNode get(String field) {
        read.add(field);
        JsonNode value = node.get(field);
        return value == null || value.isNull() ? null : value;
    }

    /** Returns the names of all fields. */
    List<String> names() {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    boolean has(String field) {
        JsonNode value = node.get(field);
        return value != null && !value.isNull();
    }

    /** Accepts a field that makes no difference, whatever it holds. */
    Fields ignore(String... fields) {
        read.addAll(List.of(fields));
        return this;
    }

    String text(String field, String otherwise) {
        JsonNode value = get(field);
        if (value == null) {
            return otherwise;
        }
        if (!value.isTextual()) {
            throw wrong(field, "a string", value);
        }
        return value.textValue();
    }

    String requireText(String field) {
        require(field, "a string");
        return text(field, null);
    }

    JsonNode require(String field, String expected) {
        JsonNode value = get(field);
        if (value == null) {
            throw new ApiException(400, "invalid_request_error", name(field), "missing_required_parameter",
                    "'" + name(field) + "' is missing; expected " + expected + ".");
        }
        return value;
    }

    boolean flag(String field, boolean otherwise) {
        JsonNode value = get(field);
        if (value == null) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw wrong(field, "true or false", value);
        }
        return value.booleanValue();
    }

    long whole(String field, long otherwise, long min, long max) {
        JsonNode value = get(field);
        if (value == null) {
            return otherwise;
        }
        String expected = max == Long.MAX_VALUE
                ? min == Long.MIN_VALUE ? "a whole number of 64 bits" : "a whole number from " + min
                : "a whole number from " + min + " to " + max;
        return whole(field, value, expected, min, max);
    }

    private long whole(String field, JsonNode value, String expected, long min, long max) {
        if (!value.isNumber()) {
            throw wrong(field, expected, value);
        }
        // 5.0 is whole, too: some languages know no other numbers
        if (value.isIntegralNumber() ? !value.canConvertToLong() : value.doubleValue() != Math.rint(value.doubleValue())
                || Math.abs(value.doubleValue()) > 1L << 53) {
            throw range(field, expected, value);
        }
        long number = value.longValue();
        if (number < min || number > max) {
            throw range(field, expected, value);
        }
        return number;
    }

    double number(String field, double otherwise, double min, double max) {
        JsonNode value = get(field);
        if (value == null) {
            return otherwise;
        }
        String expected = "a number from " + plain(min) + " to " + plain(max);
        if (!value.isNumber()) {
            throw wrong(field, expected, value);
        }
        double number = value.doubleValue();
        if (!(number >= min && number <= max)) {
            throw range(field, expected, value);
        }
        return number;
    }

    private static String plain(double number) {
        return new BigDecimal(number).stripTrailingZeros().toPlainString();
    }

    /** A string or a list of strings. */
    List<String> texts(String field, int most) {
        JsonNode value = get(field);
        if (value == null) {
            return List.of();
        }
        if (value.isTextual()) {
            return List.of(value.textValue());
        }
        String expected = "a string or a list of at most " + most + " strings";
        if (!value.isArray()) {
            throw wrong(field, expected, value);
        }
        if (value.size() > most) {
            throw ApiException.invalid(name(field),
                    "'" + name(field) + "': expected " + expected + ", found " + value.size() + " of them.");
        }
        List<String> texts = new ArrayList<>(value.size());
        for (int i = 0; i < value.size(); i++) {
            if (!value.get(i).isTextual()) {
                throw wrong(field + "[" + i + "]", "a string", value.get(i));
            }
            texts.add(value.get(i).textValue());
        }
        return texts;
    }

    /** A list of token ids below a vocabulary's size. */
    int[] tokens(String field, JsonNode list, int vocabulary) {
        int[] tokens = new int[list.size()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) whole(field + "[" + i + "]", list.get(i),
                    "a token id from 0 to " + (vocabulary - 1), 0, vocabulary - 1);
        }
        return tokens;
    }

    /** Returns an object's fields; null where it is left out. */
    Fields object(String field) {
        JsonNode value = get(field);
        return value == null ? null : object(field, value);
    }

    Fields object(String field, JsonNode value) {
        if (!(value instanceof ObjectNode object)) {
            throw wrong(field, "an object", value);
        }
        return new Fields(object, name(field) + ".");
    }

    /** Refuses a field that cannot be honoured, unless its value asks for nothing. */
    void refuse(String field, Predicate<JsonNode> harmless, String why) {
        JsonNode value = get(field);
        if (value != null && !harmless.test(value)) {
            throw ApiException.unsupported(name(field), "'" + name(field) + "' is not supported: " + why);
        }
    }

    /** Refuses what nobody has read. */
    void end() {
        for (Iterator<String> names = node.fieldNames(); names.hasNext();) {
            String field = names.next();
            if (!read.contains(field)) {
                throw new ApiException(400, "invalid_request_error", name(shown(field)), "unknown_parameter",
                        "Unknown parameter: '" + name(shown(field)) + "'.");
            }
        }
    }

    ApiException wrong(String field, String expected, JsonNode found) {
        return ApiException.wrongType(name(field),
                "'" + name(field) + "': expected " + expected + ", found " + kind(found) + ".");
    }

    private ApiException range(String field, String expected, JsonNode found) {
        return ApiException.invalid(name(field),
                "'" + name(field) + "': expected " + expected + ", found " + shown(found.asText()) + ".");
    }

    /** Says what a value is, shortly. */
    static String kind(JsonNode value) {
        return switch (value.getNodeType()) {
            case STRING -> "the string \"" + shown(value.textValue()) + "\"";
            case NUMBER -> "the number " + shown(value.asText());
            case BOOLEAN -> value.asText();
            case OBJECT -> "an object";
            case ARRAY -> "a list";
            case NULL -> "null";
            default -> value.getNodeType().name().toLowerCase(Locale.ROOT);
        };
    }

    static String shown(String text) {
        String line = text.replaceAll("\\p{Cntrl}", " ");
        return line.length() > SHOWN ? line.substring(0, SHOWN) + "..." : line;
    }
}
