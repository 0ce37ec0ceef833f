package dev.gambit.engine;

/**
 * A call of a tool that a model asks for.
 *
 * @param id tells it from other calls of its conversation; empty where nobody gave it one yet
 * @param name the tool
 * @param arguments a JSON object
 */
public record ToolCall(String id, String name, String arguments) {

    /**
     * @throws GambitException if something is missing
     */
    public ToolCall {
        if (id == null || arguments == null || name == null || name.isEmpty()) {
            throw new GambitException(GambitException.line("tool call", "an id, a name and arguments",
                    "id " + id + ", name " + name + ", arguments " + arguments, "pass {} for no arguments"));
        }
    }

    /** Returns the same call with an id. */
    public ToolCall withId(String value) {
        return new ToolCall(value, name, arguments);
    }
}
