package dev.gambit.engine.internal.schema;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as maps in the order of the text, lists, strings, {@code BigDecimal}s, booleans and null. */
public final class JsonReader {

    private static final int MAX_DEPTH = 200;

    private JsonReader() {}

    /**
     * Reads one value.
     *
     * @param what what it is, for the message
     * @throws GambitException naming the line and column where it is not JSON
     */
    public static Object read(String what, String json) {
        JsonFactory factory = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
        try (JsonParser parser = factory.createParser(json)) {
            Object value = value(parser, parser.nextToken());
            if (parser.nextToken() != null) {
                throw new GambitException(GambitException.line(
                        what + place(parser.currentLocation().getLineNr(), parser.currentLocation().getColumnNr()),
                        "the end", "more", "pass one JSON value"));
            }
            return value;
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null ? ""
                    : place(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
            throw new GambitException(GambitException.line(what + where, "JSON",
                    e.getOriginalMessage().lines().findFirst().orElse("something else"), "correct it"), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns a value with {@code Long}s and {@code Double}s for {@code BigDecimal}s, all the way down. */
    public static Object plain(Object value) {
        return switch (value) {
            case BigDecimal n when n.scale() <= 0 && n.toBigInteger().bitLength() < 64 -> n.longValueExact();
            case BigDecimal n -> n.doubleValue();
            case Map<?, ?> map -> {
                Map<Object, Object> plain = new LinkedHashMap<>();
                map.forEach((k, v) -> plain.put(k, plain(v)));
                yield plain;
            }
            case List<?> list -> {
                List<Object> plain = new ArrayList<>();
                list.forEach(v -> plain.add(plain(v)));
                yield plain;
            }
            case null, default -> value;
        };
    }

    private static String place(int line, int column) {
        return ", line " + line + ", column " + column;
    }

    private static Object value(JsonParser parser, JsonToken token) throws IOException {
        if (token == null) {
            throw new com.fasterxml.jackson.core.JsonParseException(parser, "the end of the text");
        }
        return switch (token) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    map.put(name, value(parser, parser.nextToken()));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
                    list.add(value(parser, t));
                }
                yield list;
            }
            case VALUE_STRING -> parser.getText();
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> throw new IllegalStateException(token.toString());
        };
    }
}
