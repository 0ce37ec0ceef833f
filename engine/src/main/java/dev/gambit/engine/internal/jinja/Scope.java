package dev.gambit.engine.internal.jinja;

import java.util.HashMap;
import java.util.Map;

/** Names visible at some place: a loop's body, a macro's, the template's; assignments stay in the innermost. */
final class Scope {

    private final Scope parent;
    private final Map<String, Object> names = new HashMap<>();

    Scope(Scope parent) {
        this.parent = parent;
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Object value = scope.names.get(name);
            if (value != null || scope.names.containsKey(name)) {
                return value;
            }
        }
        return Undefined.name(name);
    }

    void set(String name, Object value) {
        names.put(name, value);
    }
}
