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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Multiple-choice items of one task, from JSON lines with the very texts of lm-evaluation-harness's zero-shot requests:
 * {@code {"id", "context", "choices", "label"}}, where choices carry their leading blank, or, where the choice is in the
 * context (WinoGrande), {@code {"id", "contexts", "continuation", "label"}}.
 *
 * @param name the file's name without {@code .jsonl}
 * @param items at least one
 * @param normalised whether accuracy by length is of use: not where the choice is in the context, nor where all items offer
 *     the same choices (BoolQ's no and yes); the harness reports none for those either
 */
public record EvaluationTask(String name, List<Item> items, boolean normalised) {

    private static final String SUFFIX = ".jsonl";
    private static final int MAX_CHARS = 1 << 28;

    /**
     * One item: several texts, of which the model should find the one at {@code label} the likeliest.
     *
     * @param id as in the file; its line number where it has none
     * @param requests at least two
     * @param label which of them is right, from 0
     */
    public record Item(String id, List<Request> requests, int label) {}

    /**
     * What the model is asked: how likely is the continuation behind the context?
     *
     * @param context the text before
     * @param continuation the text that is scored, not empty
     */
    public record Request(String context, String continuation) {

        /** Returns what {@code acc_norm} divides by: characters of the choice without its leading blank, as the harness. */
        int length() {
            int from = continuation.startsWith(" ") ? 1 : 0;
            return Math.max(1, continuation.codePointCount(from, continuation.length()));
        }
    }

    /** Copies the list. */
    public EvaluationTask {
        items = List.copyOf(items);
    }

    /** Returns the task with its first items only; 0 for all. */
    public EvaluationTask limit(int count) {
        return count == 0 || count >= items.size() ? this
                : new EvaluationTask(name, items.subList(0, count), normalised);
    }

    /**
     * Reads tasks.
     *
     * @param paths files, and folders whose {@code .jsonl} files are read in the order of their names
     * @param names tasks to read; empty for all
     * @throws GambitException naming file and line where one cannot be read, and where a task is not there
     */
    public static List<EvaluationTask> read(List<Path> paths, List<String> names) {
        List<Path> files = new ArrayList<>();
        for (Path path : paths) {
            files.addAll(files(path));
        }
        Set<String> missing = new LinkedHashSet<>(names);
        List<EvaluationTask> tasks = new ArrayList<>();
        for (Path file : files) {
            String name = name(file);
            if (names.isEmpty() || names.contains(name)) {
                tasks.add(read(file));
                missing.remove(name);
            }
        }
        if (!missing.isEmpty() || tasks.isEmpty()) {
            String there = files.stream().map(EvaluationTask::name).collect(Collectors.joining(", "));
            throw new GambitException(GambitException.line(
                    "tasks", there.isEmpty() ? "at least one file NAME.jsonl" : "some of " + there,
                    missing.isEmpty() ? "none" : String.join(", ", missing), "check names and folder"));
        }
        return tasks;
    }

    private static List<Path> files(Path path) {
        if (Files.isRegularFile(path)) {
            return List.of(path);
        }
        if (!Files.isDirectory(path)) {
            throw new GambitException(GambitException.line(
                    path.toString(), "a tasks file or a folder of them", Files.exists(path) ? "something else" : "none",
                    "check the path"));
        }
        try (Stream<Path> entries = Files.list(path)) {
            return entries.filter(f -> f.toString().endsWith(SUFFIX) && Files.isRegularFile(f))
                    .sorted(Comparator.comparing(f -> f.getFileName().toString()))
                    .toList();
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static String name(Path file) {
        String name = file.getFileName().toString();
        return name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
    }

    private static EvaluationTask read(Path file) {
        ObjectReader json = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).reader();
        List<Item> items = new ArrayList<>();
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            int number = 0;
            long length = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                length += line.length();
                if (length > MAX_CHARS) {
                    throw new GambitException(GambitException.line(
                            file.toString(), "at most " + MAX_CHARS + " characters", "more", "use a part of it"));
                }
                if (!line.isBlank()) {
                    items.add(item(json, file, number, line));
                }
            }
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        if (items.isEmpty()) {
            throw new GambitException(GambitException.line(
                    file.toString(), "one JSON object a line", "no lines", "check the file"));
        }
        return new EvaluationTask(name(file), items, normalised(items));
    }

    private static boolean normalised(List<Item> items) {
        boolean inContext = items.stream().anyMatch(i -> !i.requests.get(0).context.equals(i.requests.get(1).context));
        long different = items.stream()
                .map(i -> i.requests.stream().map(Request::continuation).toList())
                .distinct()
                .count();
        return !inContext && (different > 1 || items.size() == 1);
    }

    private static Item item(ObjectReader json, Path file, int number, String line) {
        String found;
        try {
            JsonNode node = json.readTree(line);
            List<Request> requests = requests(node);
            JsonNode label = node.get("label");
            JsonNode id = node.get("id");
            if (requests == null) {
                found = "neither";
            } else if (label == null || !label.isIntegralNumber() || !label.canConvertToInt() || label.intValue() < 0
                    || label.intValue() >= requests.size()) {
                throw broken(file, number, "a \"label\" from 0 to " + (requests.size() - 1),
                        label == null ? "none" : label);
            } else {
                return new Item(id == null ? Integer.toString(number) : id.asText(), requests, label.intValue());
            }
        } catch (JsonProcessingException e) {
            found = "broken JSON (" + e.getOriginalMessage().lines().findFirst().orElse("") + ")";
        }
        throw broken(file, number,
                "a JSON object with strings \"context\" and \"choices\", or \"contexts\" and \"continuation\"", found);
    }

    /** Returns an item's texts; null where it has not two of them. */
    private static List<Request> requests(JsonNode node) {
        List<String> contexts = texts(node.get("contexts"));
        List<String> choices = texts(node.get("choices"));
        String context = text(node.get("context"));
        String continuation = text(node.get("continuation"));
        List<Request> requests = new ArrayList<>();
        if (contexts != null && continuation != null && !continuation.isEmpty()) {
            contexts.forEach(c -> requests.add(new Request(c, continuation)));
        } else if (choices != null && context != null && choices.stream().noneMatch(String::isEmpty)) {
            choices.forEach(c -> requests.add(new Request(context, c)));
        }
        return requests.size() < 2 ? null : requests;
    }

    private static String text(JsonNode node) {
        return node != null && node.isTextual() ? node.textValue() : null;
    }

    private static List<String> texts(JsonNode node) {
        if (node == null || !node.isArray()) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode one : node) {
            if (!one.isTextual()) {
                return null;
            }
            texts.add(one.textValue());
        }
        return texts;
    }

    private static GambitException broken(Path file, int number, Object expected, Object found) {
        return new GambitException(GambitException.line(
                file + ", line " + number, expected, found, "mend the line or take it out"));
    }

    private static GambitException unreadable(Path file, IOException e) {
        String found = e instanceof CharacterCodingException ? "bytes that are not UTF-8"
                : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new GambitException(
                GambitException.line(file.toString(), "a readable UTF-8 file", found, "check the file"), e);
    }
}
