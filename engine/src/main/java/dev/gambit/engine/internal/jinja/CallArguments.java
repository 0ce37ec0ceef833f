package dev.gambit.engine.internal.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The evaluated arguments of a call, filter or test.
 *
 * @param name what is called, for messages
 * @param positional arguments by place
 * @param keywords arguments by name
 */
record CallArguments(String name, List<Object> positional, Map<String, Object> keywords) {

    static CallArguments of(String name, Object... positional) {
        return new CallArguments(name, java.util.Arrays.asList(positional), Map.of());
    }

    /** The same arguments without the first {@code count} positional ones. */
    CallArguments from(int count, String newName) {
        return new CallArguments(newName, positional.subList(count, positional.size()), keywords);
    }

    /**
     * Puts the arguments in the places of parameters.
     *
     * @param state the render in progress
     * @param required how many of the parameters must be given
     * @param parameters the parameters' names, in order
     * @return one value per parameter; an {@link Undefined} where none was given
     */
    Bound bind(RenderState state, int required, String... parameters) {
        if (positional.size() > parameters.length) {
            throw state.error("at most " + parameters.length + " arguments of '" + name + "'", positional.size());
        }
        Object[] values = new Object[parameters.length];
        boolean[] given = new boolean[parameters.length];
        Map<String, Object> left = new LinkedHashMap<>(keywords);
        for (int i = 0; i < parameters.length; i++) {
            if (i < positional.size()) {
                values[i] = positional.get(i);
                given[i] = true;
            } else if (left.containsKey(parameters[i])) {
                values[i] = left.remove(parameters[i]);
                given[i] = true;
            } else if (i < required) {
                throw state.error("argument '" + parameters[i] + "' of '" + name + "'", "none");
            }
        }
        if (!left.isEmpty()) {
            throw state.error("an argument that '" + name + "' knows", "'" + left.keySet().iterator().next() + "'");
        }
        return new Bound(state, name, values, given);
    }

    /** Arguments in the places of parameters, read with a default for those not given. */
    record Bound(RenderState state, String name, Object[] values, boolean[] given) {

        Object get(int index, Object otherwise) {
            return given[index] ? values[index] : otherwise;
        }

        String text(int index, String otherwise) {
            if (!given[index]) {
                return otherwise;
            }
            if (values[index] instanceof String s) {
                return s;
            }
            throw state.error("text as argument of '" + name + "'", PyText.typeName(values[index]));
        }

        /** Text or none, which some string methods take for "the default". */
        String textOrNone(int index) {
            return given[index] && values[index] == null ? null : text(index, null);
        }

        boolean truth(int index, boolean otherwise) {
            return given[index] ? Operators.truth(values[index]) : otherwise;
        }

        int integer(int index, int otherwise) {
            if (!given[index]) {
                return otherwise;
            }
            Long value = Operators.asInteger(values[index]);
            if (value == null) {
                throw state.error("an integer as argument of '" + name + "'", PyText.typeName(values[index]));
            }
            return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, value));
        }
    }
}
