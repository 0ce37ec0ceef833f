package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;

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
}
