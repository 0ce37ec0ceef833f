package dev.gambit.engine;

import dev.gambit.engine.internal.schema.JsonReader;
import dev.gambit.engine.internal.schema.JsonWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds the calls of tools in what a model writes, piece by piece: {@code <tool_call>{"name": …, "arguments": {…}}
 * </tool_call>} anywhere (Hermes, Qwen), or a text that is nothing but such an object, several with semicolons between
 * them (Llama 3, with {@code parameters}) or an array of them (Mistral). What looks like a call and is none, because it is
 * not JSON or names no tool there is, stays text. For one thread.
 */
public final class ToolCallParser {

    private static final String OPEN = "<tool_call>";
    private static final String CLOSE = "</tool_call>";

    private enum Place {
        START, TEXT, TAG, JSON
    }

    private final Set<String> names;
    private final List<ToolCall> calls = new ArrayList<>();
    /** What has not been given out yet. */
    private final StringBuilder held = new StringBuilder();
    private Place place = Place.START;
    /** Whether nothing but blanks came since the beginning or the last call: they belong to the notation. */
    private boolean quiet = true;

    /**
     * @param names the tools there are
     */
    public ToolCallParser(Set<String> names) {
        this.names = Set.copyOf(names);
    }

    /** Returns the calls found so far, in their order, without ids. */
    public List<ToolCall> calls() {
        return List.copyOf(calls);
    }

    /**
     * Adds text.
     *
     * @return what can be shown now: it is not, and will not become, part of a call
     */
    public String add(String text) {
        held.append(text);
        StringBuilder shown = new StringBuilder();
        while (step(shown)) {
            // each step moves on to another place
        }
        return shown.toString();
    }

    private boolean step(StringBuilder shown) {
        switch (place) {
            case START -> {
                // how much of [ { " is there, the beginning of a call
                String begun = held.toString().replaceAll("\\s", "");
                if (begun.isEmpty() || begun.equals("[") || begun.equals("{") || begun.equals("[{")) {
                    return false;
                }
                place = begun.startsWith("{\"") || begun.startsWith("[{\"") ? Place.JSON : Place.TEXT;
                return true;
            }
            case TEXT -> {
                int tag = held.indexOf(OPEN);
                if (tag >= 0) {
                    show(tag, shown);
                    place = Place.TAG;
                    return true;
                }
                show(held.length() - begun(), shown);
                return false;
            }
            case TAG -> {
                int end = held.indexOf(CLOSE);
                if (end < 0) {
                    return false;
                }
                if (find(held.substring(OPEN.length(), end))) {
                    held.delete(0, end + CLOSE.length());
                    quiet = true;
                } else {
                    show(end + CLOSE.length(), shown);
                }
                place = Place.TEXT;
                return true;
            }
            default -> {
                return false;
            }
        }
    }

    private void show(int length, StringBuilder shown) {
        String text = held.substring(0, length);
        held.delete(0, length);
        if (!quiet || !text.isBlank()) {
            shown.append(text);
            quiet &= text.isBlank();
        }
    }

    /** How much of a tag the text ends with. */
    private int begun() {
        int length = Math.min(OPEN.length() - 1, held.length());
        while (length > 0 && !OPEN.startsWith(held.substring(held.length() - length))) {
            length--;
        }
        return length;
    }

    /**
     * Ends the text.
     *
     * @return the rest that can be shown
     */
    public String finish() {
        String rest = held.toString();
        held.setLength(0);
        boolean call = switch (place) {
            case TAG -> find(rest.substring(OPEN.length()));
            case JSON -> find(rest);
            default -> false;
        };
        place = Place.START;
        return call || quiet && rest.isBlank() ? "" : rest;
    }

    /** Adds the calls that a text consists of; false, and none added, if it does not. */
    private boolean find(String text) {
        List<ToolCall> found = new ArrayList<>();
        String json = text.strip();
        if (json.startsWith("{")) {
            // several objects are read as an array would be
            json = "[" + json.replaceAll("\\}\\s*;\\s*\\{\\s*\"(name|type)\"", "},{\"$1\"") + "]";
        }
        Object value;
        try {
            value = JsonReader.read("tool call", json);
        } catch (GambitException e) {
            return false; // text after all
        }
        if (!(value instanceof List<?> items) || items.isEmpty()) {
            return false;
        }
        for (Object item : items) {
            ToolCall call = item instanceof Map<?, ?> map ? call(map) : null;
            if (call == null) {
                return false;
            }
            found.add(call);
        }
        return calls.addAll(found);
    }

    private ToolCall call(Map<?, ?> map) {
        Map<?, ?> function = map.get("function") instanceof Map<?, ?> f ? f : map;
        if (!(function.get("name") instanceof String name) || !names.contains(name)) {
            return null;
        }
        Object arguments = function.containsKey("arguments") ? function.get("arguments") : function.get("parameters");
        if (arguments instanceof String text) {
            return isObject(text) ? new ToolCall("", name, text) : null;
        }
        return arguments == null ? new ToolCall("", name, "{}")
                : arguments instanceof Map<?, ?> ? new ToolCall("", name, JsonWriter.write(arguments)) : null;
    }

    private static boolean isObject(String text) {
        try {
            return JsonReader.read("arguments", text) instanceof Map<?, ?>;
        } catch (GambitException e) {
            return false;
        }
    }
}
