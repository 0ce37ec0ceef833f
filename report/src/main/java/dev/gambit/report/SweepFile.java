package dev.gambit.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A sweep's finished points, a JSON object a line behind one that says what is measured. Each point is written as soon as
 * it is there, the file replaced whole: a sweep that is killed goes on where it was.
 */
public final class SweepFile {

    private final Path path;
    private final ObjectMapper mapper = new ObjectMapper();
    private final List<String> lines = new ArrayList<>();
    private final List<SweepPoint> points = new ArrayList<>();

    private SweepFile(Path path) {
        this.path = path;
    }

    /**
     * Opens a file, or begins it.
     *
     * @param header what is measured
     * @throws GambitException where the file holds another sweep, or is damaged (with the line's number)
     */
    public static SweepFile open(Path path, SweepHeader header) {
        SweepFile file = new SweepFile(path);
        String first = file.line("sweep", header);
        if (!Files.exists(path)) {
            file.lines.add(first);
            return file;
        }
        try {
            file.lines.addAll(Files.readAllLines(path, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    path.toString(), "a readable file", String.valueOf(e.getMessage()), "check it"), e);
        }
        file.checkHeader(first);
        for (int i = 1; i < file.lines.size(); i++) {
            file.points.add(file.point(i));
        }
        return file;
    }

    private void checkHeader(String expected) {
        if (lines.isEmpty() || !lines.getFirst().equals(expected)) {
            throw new GambitException(GambitException.line(
                    path + ", line 1", expected, lines.isEmpty() ? "nothing" : lines.getFirst(),
                    "it is of another sweep: choose another folder (-o) or delete it"));
        }
    }

    private SweepPoint point(int index) {
        try {
            JsonNode node = mapper.readTree(lines.get(index));
            Class<? extends SweepPoint> type = switch (node.path("kind").asText()) {
                case "text" -> SweepPoint.Text.class;
                case "speed" -> SweepPoint.Speed.class;
                case "tasks" -> SweepPoint.Tasks.class;
                default -> throw damaged(index, "another kind", null);
            };
            SweepPoint point = mapper.treeToValue(node.get("point"), type);
            if (point == null || point.policy() == null) {
                throw damaged(index, "no point", null);
            }
            return point;
        } catch (JsonProcessingException e) {
            throw damaged(index, e.getOriginalMessage().lines().findFirst().orElse("broken JSON"), e);
        }
    }

    private GambitException damaged(int index, String found, Exception cause) {
        return new GambitException(GambitException.line(
                path + ", line " + (index + 1), "a point of a sweep", found, "delete the line; the point is run again"),
                cause);
    }

    /** Returns the points that are there. */
    public List<SweepPoint> points() {
        return List.copyOf(points);
    }

    /** Returns the points of one kind. */
    public <T extends SweepPoint> List<T> points(Class<T> kind) {
        return points.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** Adds a point and writes the file. */
    public void add(SweepPoint point) {
        String kind = switch (point) {
            case SweepPoint.Text t -> "text";
            case SweepPoint.Speed s -> "speed";
            case SweepPoint.Tasks t -> "tasks";
        };
        lines.add(line(kind, point));
        points.add(point);
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try {
            Files.write(part, lines, StandardCharsets.UTF_8);
            Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    path.toString(), "a file that can be written", String.valueOf(e.getMessage()),
                    "check the folder and the room in it"), e);
        }
    }

    private String line(String kind, Object value) {
        ObjectNode node = mapper.createObjectNode();
        node.put("kind", kind);
        node.set("point", mapper.valueToTree(value));
        return node.toString();
    }
}
