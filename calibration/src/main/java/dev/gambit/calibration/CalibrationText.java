package dev.gambit.calibration;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.gambit.engine.GambitException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Text for calibration and evaluation: plain UTF-8, or {@code .jsonl} with one JSON object a line whose field {@code text}
 * is a document.
 */
public final class CalibrationText {

    /** Texts are held whole; more characters than this are a mistake, not a calibration set. */
    private static final int MAX_CHARS = 1 << 30;

    private CalibrationText() {}

    /**
     * Reads the documents of some files.
     *
     * @param files at least one, {@code .jsonl} or plain
     * @return the documents in order; a plain file is one
     * @throws GambitException naming file and line where a file cannot be read, is not UTF-8, or a line is not such JSON
     */
    public static List<String> read(List<Path> files) {
        List<String> texts = new ArrayList<>();
        for (Path file : files) {
            if (!Files.isRegularFile(file)) {
                String found = Files.isDirectory(file) ? "a directory" : Files.exists(file) ? "a device or pipe"
                        : "none";
                throw new GambitException(GambitException.line(file.toString(), "a file", found, "check the path"));
            }
            try {
                if (file.getFileName().toString().endsWith(".jsonl")) {
                    documents(file, texts);
                } else {
                    plain(file, texts);
                }
            } catch (IOException e) {
                String found = switch (e) {
                    case CharacterCodingException malformed -> "bytes that are not UTF-8";
                    case AccessDeniedException denied -> "no permission to read it";
                    default -> String.valueOf(e.getMessage());
                };
                throw new GambitException(
                        GambitException.line(file.toString(), "a readable UTF-8 text", found, "check the file"), e);
            }
        }
        return texts;
    }

    private static void plain(Path file, List<String> texts) throws IOException {
        if (Files.size(file) > MAX_CHARS) {
            throw tooLong(file, Files.size(file));
        }
        texts.add(Files.readString(file, StandardCharsets.UTF_8));
    }

    private static void documents(Path file, List<String> texts) throws IOException {
        ObjectReader json = new ObjectMapper()
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .reader();
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            int number = 0;
            long length = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                if (!line.isBlank()) {
                    texts.add(document(json, file, number, line));
                    length += line.length();
                    if (length > MAX_CHARS) {
                        throw tooLong(file, length);
                    }
                }
            }
        }
    }

    private static String document(ObjectReader json, Path file, int number, String line) {
        String found;
        try {
            JsonNode node = json.readTree(line).get("text");
            if (node != null && node.isTextual()) {
                return node.textValue();
            }
            found = node == null ? "no such field" : node.getNodeType().toString().toLowerCase(Locale.ROOT);
        } catch (JsonProcessingException e) {
            found = "broken JSON (" + e.getOriginalMessage().lines().findFirst().orElse("") + ")";
        }
        throw new GambitException(GambitException.line(
                file + ", line " + number,
                "a JSON object with a string \"text\"",
                found,
                "mend the line or name the file .txt if it is plain text"));
    }

    private static GambitException tooLong(Path file, long length) {
        return new GambitException(GambitException.line(
                file.toString(), "at most " + MAX_CHARS + " characters", length, "use a part of it"));
    }
}
