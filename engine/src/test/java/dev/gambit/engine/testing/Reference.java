package dev.gambit.engine.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What independent implementations computed, as JSON. */
public final class Reference {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Reference() {}

    /** Returns the model in the jar. */
    public static Path fable() {
        try {
            return Path.of(Reference.class.getResource("/dev/gambit/engine/fable-7m-q8_0.gguf").toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    /** Returns what a float32 implementation computed for the model in the jar. */
    public static JsonNode fableCases() {
        try (InputStream in = Reference.class.getResourceAsStream("/dev/gambit/engine/fable-7m-q8_0.json")) {
            return MAPPER.readTree(in).get("cases");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns how CUDA is called, where there is a GPU: {@code -Dgambit.cuda.driver=ffm|jcuda}. */
    public static String cudaDriver() {
        return System.getProperty("gambit.cuda.driver", "ffm");
    }

    /** Reads a file of one JSON value. */
    public static JsonNode json(Path file) {
        try {
            return MAPPER.readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads a file of one JSON value a line. */
    public static List<JsonNode> lines(Path file) {
        try {
            List<JsonNode> out = new ArrayList<>();
            for (String line : Files.readAllLines(file)) {
                out.add(MAPPER.readTree(line));
            }
            return out;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns an array of integers. */
    public static int[] ints(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::asInt).toArray();
    }

    /** Returns an array of numbers, rounded to floats. */
    public static float[] floats(JsonNode array) {
        float[] out = new float[array.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) array.get(i).asDouble();
        }
        return out;
    }

    /** Returns the first step whose two likeliest tokens are nearer than {@code gap}: from there on texts may differ. */
    public static int sureSteps(JsonNode completion, double gap) {
        JsonNode gaps = completion.get("top2_logprob_gap");
        int n = 0;
        while (n < gaps.size() && gaps.get(n).asDouble() >= gap) {
            n++;
        }
        return n;
    }
}
