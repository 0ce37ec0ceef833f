package dev.gambit.engine.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** One of a model folder's JSON files, with values that say where they are missing. */
record JsonFile(String source, JsonNode root) {

    private static final long MAX_BYTES = 256L << 20;

    /** Reads a file whole. */
    static JsonFile read(Path path) {
        String source = path.toString();
        try {
            if (Files.size(path) > MAX_BYTES) {
                throw new ModelFormatException(GambitException.line(
                        source, "at most " + MAX_BYTES + " bytes", Files.size(path), "is it the right file?"));
            }
            return new JsonFile(source, parse(source, Files.readAllBytes(path)));
        } catch (IOException e) {
            throw new GambitException(
                    GambitException.line(source, "a readable file", reason(e), "download the folder again"), e);
        }
    }

    /** Parses an object. */
    static JsonNode parse(String source, byte[] json) {
        try {
            JsonNode node = new ObjectMapper().readTree(json);
            if (node.isObject()) {
                return node;
            }
            throw new ModelFormatException(GambitException.line(
                    source, "a JSON object", node.getNodeType(), "the file is damaged: download it again"));
        } catch (JacksonException e) {
            throw new ModelFormatException(GambitException.line(
                    source, "JSON", e.getOriginalMessage().lines().findFirst().orElse("something else"),
                    "the file is damaged: download it again"), e);
        } catch (IOException e) {
            throw new IllegalStateException("an array cannot fail to be read", e);
        }
    }

    /** Returns what was wrong with reading a file. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException none -> "none";
            case AccessDeniedException denied -> "no permission to read it";
            default -> String.valueOf(e.getMessage());
        };
    }

    /** Returns an integer that has to be there. */
    long require(String key) {
        JsonNode node = root.path(key);
        if (!node.isIntegralNumber()) {
            throw new ModelFormatException(GambitException.line(
                    source + ": " + key, "an integer", node.isMissingNode() ? "none" : node,
                    "the folder is incomplete or of another kind"));
        }
        return node.asLong();
    }

    /** Returns an integer or a fallback. */
    long integer(String key, long fallback) {
        return root.path(key).isIntegralNumber() ? root.path(key).asLong() : fallback;
    }

    /** Returns a number or a fallback. */
    double number(String key, double fallback) {
        return root.path(key).isNumber() ? root.path(key).asDouble() : fallback;
    }

    /** Returns a string or a fallback. */
    String text(String key, String fallback) {
        return root.path(key).isTextual() ? root.path(key).asText() : fallback;
    }
}
