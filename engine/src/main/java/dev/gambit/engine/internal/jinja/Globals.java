package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions every template can call: Jinja2's range, dict and namespace, and the two that transformers adds. */
final class Globals {

    /** As in Jinja2's sandbox. */
    private static final long MAX_RANGE = 100_000;

    private Globals() {}

    static Scope scope() {
        Scope scope = new Scope(null);
        scope.set("range", (Callable) Globals::range);
        scope.set("dict", (Callable) (state, arguments) -> dict(state, arguments));
        scope.set("namespace", (Callable) (state, arguments) -> {
            Namespace namespace = new Namespace();
            dict(state, arguments).forEach((key, value) -> namespace.attributes.put(PyText.str(state, key), value));
            return namespace;
        });
        scope.set("raise_exception", (Callable) (state, arguments) -> {
            Object message = arguments.bind(state, 1, "message").get(0, "");
            throw new GambitException(TemplateErrors.oneLine(PyText.str(state, message)));
        });
        scope.set("strftime_now", (Callable) (state, arguments) -> TimeFormat.format(state,
                LocalDateTime.now(state.clock), arguments.bind(state, 1, "format").text(0, null)));
        return scope;
    }

    private static Object range(RenderState state, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(state, 1, "start", "stop", "step");
        boolean single = arguments.positional().size() == 1;
        long start = single ? 0 : bound.integer(0, 0);
        long stop = single ? bound.integer(0, 0) : bound.integer(1, 0);
        long step = bound.integer(2, 1);
        if (step == 0) {
            throw state.error("a range step that is not 0", "0");
        }
        List<Object> items = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            if (items.size() == MAX_RANGE) {
                throw state.error("a range of at most " + MAX_RANGE + " numbers", "a larger one");
            }
            items.add(i);
        }
        state.charge(items.size());
        return items;
    }

    private static Map<Object, Object> dict(RenderState state, CallArguments arguments) {
        Map<Object, Object> map = new LinkedHashMap<>();
        Object first = new CallArguments(arguments.name(), arguments.positional(), Map.of())
                .bind(state, 0, "mapping").get(0, Map.of());
        if (first instanceof Map<?, ?> other) {
            map.putAll(other);
        } else {
            Operators.iterate(state, first).forEachRemaining(pair -> {
                List<Object> both = Operators.list(state, pair);
                if (both.size() != 2) {
                    throw state.error("pairs for '" + arguments.name() + "'", both.size() + " values");
                }
                map.put(Operators.key(state, both.get(0)), both.get(1));
            });
        }
        map.putAll(arguments.keywords());
        state.charge(map.size());
        return map;
    }
}
