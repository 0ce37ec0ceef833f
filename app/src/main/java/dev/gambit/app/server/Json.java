package dev.gambit.app.server;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** JSON in and out. What comes in is strict and bounded; what goes out is UTF-8 whatever a model wrote. */
final class Json {

    /** Objects in objects: enough for schemas, far from what a stack cannot bear. */
    static final int MAX_DEPTH = 100;

    private static final int MAX_NUMBER = 200;
    private static final int MAX_MESSAGE = 300;

    private static final JsonMapper MAPPER = JsonMapper
            .builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(MAX_NUMBER)
                            .maxNameLength(1000)
                            .maxStringLength(Integer.MAX_VALUE) // the body has a limit
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /**
     * Reads a request's body.
     *
     * @throws ApiException 400 with line and column where it is not one JSON object
     */
    static ObjectNode parse(byte[] body) {
        if (body.length == 0) {
            throw ApiException.request(400, "invalid_json", "The body is empty; a JSON object is expected.");
        }
        checkUtf8(body);
        JsonNode node;
        try {
            node = MAPPER.readTree(body);
        } catch (JsonProcessingException e) {
            throw ApiException.request(400, "invalid_json",
                    "The body is not valid JSON" + place(e.getLocation()) + ": " + reason(e));
        } catch (IOException e) {
            // what is no text in any encoding that JSON may have
            throw ApiException.request(400, "invalid_json", "The body is not valid JSON: " + oneLine(e.getMessage()));
        }
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw ApiException.request(400, "invalid_json",
                "The body is expected to be a JSON object, found " + Fields.kind(node) + ".");
    }

    /** The parser lets halves of pairs and forms that are too long pass. */
    private static void checkUtf8(byte[] body) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(body);
        CharBuffer out = CharBuffer.allocate(8192);
        CoderResult result;
        do {
            result = decoder.decode(in, out.clear(), true);
        } while (result.isOverflow());
        if (result.isError()) {
            throw ApiException.request(400, "invalid_json",
                    "The body is not valid UTF-8 at byte " + in.position() + ".");
        }
    }

    private static String place(JsonLocation at) {
        return at == null || at.getLineNr() < 1 ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    }

    /** What Jackson says, without the names of its classes. */
    private static String reason(JsonProcessingException e) {
        if (e instanceof MismatchedInputException) {
            return "more follows behind its end";
        }
        return oneLine(e.getOriginalMessage()).replaceAll(",? (from|as per) `[^`]*`", "");
    }

    private static String oneLine(String message) {
        String line = message == null ? "unreadable" : message.replaceAll("\\s+", " ");
        return line.length() > MAX_MESSAGE ? line.substring(0, MAX_MESSAGE) + "..." : line;
    }

    static String text(JsonNode json) {
        try {
            return MAPPER.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values", e);
        }
    }

    /** Returns UTF-8; half a surrogate pair, which a client may have sent, becomes a question mark. */
    static byte[] bytes(JsonNode json) {
        return text(json).getBytes(StandardCharsets.UTF_8);
    }

    /** Turns a tree into maps, lists, texts and numbers, as chat templates take them. */
    static Object plain(JsonNode node) {
        return MAPPER.convertValue(node, Object.class);
    }
}
