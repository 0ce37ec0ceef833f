package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.util.LinkedHashMap;
import java.util.Map;

/** JSON documents to generate. */
public final class JsonLanguage {

    private JsonLanguage() {}

    /** Returns JSON objects of any kind. */
    public static Expr objects() {
        return JsonText.object(JsonText.MAX_DEPTH);
    }

    /** Returns JSON values of any kind. */
    public static Expr values() {
        return JsonText.value(JsonText.MAX_DEPTH);
    }

    /**
     * Returns the documents of a schema.
     *
     * @param schema as {@link JsonReader} reads it
     * @throws dev.gambit.engine.GambitException naming the place of what is wrong or not supported
     */
    public static Expr of(Object schema) {
        return SchemaCompiler.compile(schema);
    }

    /**
     * Returns the calls of a tool, {@code {"name": …, "arguments": {…}}}. Its schema is a document of its own, so that its
     * references stay its own beside other tools'.
     *
     * @param schema what the tool's arguments are like, as {@link JsonReader} reads it
     * @throws dev.gambit.engine.GambitException as {@link #of}
     */
    public static Expr toolCall(String name, Object schema) {
        return JsonText.braces(Expr.seq(
                JsonText.member(JsonText.quoted(Expr.text("name")), Expr.text(JsonWriter.write(name))),
                JsonText.comma(),
                JsonText.member(JsonText.quoted(Expr.text("arguments")), of(anObject(schema))),
                JsonText.SPACE));
    }

    /** Arguments are an object, whether or not their schema says so. */
    private static Object anObject(Object schema) {
        if (schema instanceof Map<?, ?> map && Keywords.GENERAL.stream().noneMatch(map::containsKey)) {
            Map<Object, Object> typed = new LinkedHashMap<>(map);
            typed.put("type", "object");
            return typed;
        }
        return schema;
    }
}
