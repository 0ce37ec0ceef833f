package dev.gambit.engine.internal.jinja;

import java.util.HashMap;
import java.util.Map;

/** The filters by name. */
final class Filters {

    /** One filter. */
    interface Filter {
        Object apply(RenderState state, Object value, CallArguments arguments);
    }

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        TextFilters.register(ALL);
        NumberFilters.register(ALL);
        CollectionFilters.register(ALL);
        ALL.put("tojson", JsonText::write);
        ALL.put("default", Filters::defaultValue);
        ALL.put("d", Filters::defaultValue);
        ALL.put("attr", (state, value, arguments) -> Access.attribute(state, value,
                arguments.bind(state, 1, "name").text(0, null)));
    }

    private Filters() {}

    /** The filter of a name, or null. */
    static Filter find(String name) {
        return ALL.get(name);
    }

    private static Object defaultValue(RenderState state, Object value, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 0, "default_value", "boolean");
        boolean missing = value instanceof Undefined || bound.truth(1, false) && !Operators.truth(value);
        return missing ? bound.get(0, "") : value;
    }
}
