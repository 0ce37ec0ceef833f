package dev.gambit.engine.internal.jinja;

import java.util.List;

/** The {@code loop} variable of a for loop. */
final class Loop {

    private final List<?> items;
    int index;
    private List<Object> lastChanged;

    Loop(List<?> items) {
        this.items = items;
    }

    Object attribute(String name) {
        long length = items.size();
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> length - index;
            case "revindex0" -> length - index - 1;
            case "first" -> index == 0;
            case "last" -> index == length - 1;
            case "length" -> length;
            // these count recursive loops only
            case "depth" -> 1L;
            case "depth0" -> 0L;
            case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
            case "nextitem" -> index + 1 < length ? items.get(index + 1) : new Undefined("there is no next item");
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> new Undefined("'loop' has no attribute '" + name + "'");
        };
    }

    private Object cycle(RenderState state, CallArguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw state.error("items to cycle through", "none");
        }
        return arguments.positional().get(index % arguments.positional().size());
    }

    private Object changed(RenderState state, CallArguments arguments) {
        boolean changed = lastChanged == null || !Operators.equal(state, lastChanged, arguments.positional());
        lastChanged = arguments.positional();
        return changed;
    }
}
