package dev.gambit.engine.internal.schema;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes what {@link JsonReader} reads, in the shortest form, characters beyond ASCII as they are. */
public final class JsonWriter {

    private JsonWriter() {}

    /** Returns a value as JSON. */
    public static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(Object value, StringBuilder out) {
        switch (value) {
            case null -> out.append("null");
            case String text -> string(text, out);
            case Map<?, ?> map -> {
                out.append('{');
                for (Iterator<? extends Map.Entry<?, ?>> i = map.entrySet().iterator(); i.hasNext();) {
                    Map.Entry<?, ?> entry = i.next();
                    string(String.valueOf(entry.getKey()), out);
                    out.append(':');
                    write(entry.getValue(), out);
                    out.append(i.hasNext() ? "," : "");
                }
                out.append('}');
            }
            case List<?> list -> {
                out.append('[');
                for (Iterator<?> i = list.iterator(); i.hasNext();) {
                    write(i.next(), out);
                    out.append(i.hasNext() ? "," : "");
                }
                out.append(']');
            }
            default -> out.append(value);
        }
    }

    private static void string(String text, StringBuilder out) {
        out.append('"');
        text.codePoints().forEach(c -> out.append(escaped(c)));
        out.append('"');
    }

    /** Returns a character as it stands in a JSON string. */
    static String escaped(int codePoint) {
        return switch (codePoint) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\b' -> "\\b";
            case '\f' -> "\\f";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> {
                boolean plain = codePoint >= ' ' && codePoint != 0x7f
                        && (codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE);
                yield plain ? Character.toString(codePoint) : String.format("\\u%04x", codePoint);
            }
        };
    }
}
