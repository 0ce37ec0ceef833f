package dev.gambit.engine.internal.jinja;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The {@code tojson} filter of transformers: Python's {@code json.dumps} with {@code ensure_ascii=False}. */
final class JsonText {

    private final RenderState state;
    private final boolean ascii;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final StringBuilder out = new StringBuilder();

    private JsonText(RenderState state, CallArguments.Bound options) {
        this.state = state;
        this.ascii = options.truth(0, false);
        Object width = options.get(1, null);
        this.indent = width == null ? null : width instanceof String s ? s
                : " ".repeat(Math.max(0, Math.min(64, options.integer(1, 0))));
        Object separators = options.get(2, null);
        if (separators instanceof List<?> pair && pair.size() == 2 && pair.get(0) instanceof String item
                && pair.get(1) instanceof String key) {
            this.itemSeparator = item;
            this.keySeparator = key;
        } else if (separators == null) {
            this.itemSeparator = indent == null ? ", " : ",";
            this.keySeparator = ": ";
        } else {
            throw state.error("two texts as 'separators' of 'tojson'", PyText.typeName(separators));
        }
        this.sortKeys = options.truth(3, false);
    }

    static String write(RenderState state, Object value, CallArguments arguments) {
        JsonText json = new JsonText(state,
                arguments.bind(state, 0, "ensure_ascii", "indent", "separators", "sort_keys"));
        json.value(value, 0);
        return json.out.toString();
    }

    private void value(Object value, int level) {
        state.enter();
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case Long n -> out.append(n);
            case Double d -> out.append(number(d));
            case String s -> text(s);
            case List<?> list -> {
                out.append('[');
                boolean first = true;
                for (Object item : list) {
                    next(first, level + 1);
                    first = false;
                    value(item, level + 1);
                }
                close(first, level, ']');
            }
            case Map<?, ?> map -> map(map, level);
            default -> throw state.error("a value that 'tojson' can write", PyText.typeName(value));
        }
        state.leave();
    }

    private void map(Map<?, ?> map, int level) {
        out.append('{');
        boolean first = true;
        Set<? extends Map.Entry<?, ?>> entries = map.entrySet();
        if (sortKeys) {
            Comparator<Object> order = (a, b) -> Operators.compare(state, a, b);
            Map<Object, Object> sorted = new TreeMap<>(order);
            sorted.putAll(map);
            entries = sorted.entrySet();
        }
        for (Map.Entry<?, ?> entry : entries) {
            next(first, level + 1);
            first = false;
            text(switch (entry.getKey()) {
                case null -> "null";
                case String s -> s;
                case Boolean b -> b.toString();
                case Double d -> number(d);
                case Object other -> other.toString();
            });
            state.append(out, keySeparator);
            value(entry.getValue(), level + 1);
        }
        close(first, level, '}');
    }

    private void next(boolean first, int level) {
        if (!first) {
            state.append(out, itemSeparator);
        }
        newLine(level);
    }

    private void close(boolean empty, int level, char bracket) {
        if (!empty) {
            newLine(level);
        }
        out.append(bracket);
    }

    private void newLine(int level) {
        if (indent != null) {
            out.append('\n');
            for (int i = 0; i < level; i++) {
                state.append(out, indent);
            }
        }
    }

    private static String number(double d) {
        return switch (PyText.number(d)) {
            case "nan" -> "NaN";
            case "inf" -> "Infinity";
            case "-inf" -> "-Infinity";
            case String s -> s;
        };
    }

    private void text(String s) {
        state.charge(s.length());
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < ' ' || ascii && c > 0x7e) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
