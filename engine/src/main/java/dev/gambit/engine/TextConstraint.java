package dev.gambit.engine;

import dev.gambit.engine.internal.grammar.Expr;
import dev.gambit.engine.internal.schema.JsonLanguage;
import dev.gambit.engine.internal.schema.JsonReader;
import dev.gambit.engine.internal.schema.JsonWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a generated text has to be: JSON, or JSON that fulfils a schema. Only tokens that keep to it can be drawn, and as
 * the limit on tokens or the end of the context come near, only those that bring the text to its end in time; so a text
 * that had tokens enough for its shortest form is complete, whatever the model. Immutable; worth keeping, because what a
 * model finds out about one is kept for those that are equal.
 *
 * <p>The generation ends with {@link GenerationResult.Finish#END_OF_GENERATION} as soon as nothing can be added to the
 * text. Stop texts still stop it, and {@link GenerationOptions#ignoreEndOfGeneration} has no effect.
 */
public final class TextConstraint {

    private final String name;
    private final Expr language;

    private TextConstraint(String name, Expr language) {
        this.name = name;
        this.language = language;
    }

    /** Returns a JSON object of any kind, OpenAI's {@code json_object}. */
    public static TextConstraint jsonObject() {
        return new TextConstraint("JSON object", JsonLanguage.objects());
    }

    /** Returns a JSON value of any kind. */
    public static TextConstraint json() {
        return new TextConstraint("JSON", JsonLanguage.values());
    }

    /**
     * Returns a JSON document that fulfils a schema, OpenAI's {@code json_schema}. Supported of JSON Schema (2020-12 and
     * the drafts before it): {@code type}, {@code properties}, {@code required}, {@code additionalProperties},
     * {@code items}, {@code prefixItems}, {@code minItems}, {@code maxItems}, {@code enum}, {@code const},
     * {@code minLength}, {@code maxLength}, {@code pattern} (regular expressions in the strict sense), {@code format}
     * (date, time, date-time, duration, uuid, email, hostname, ipv4, ipv6, uri), {@code minimum}, {@code maximum}, their
     * exclusive forms, {@code anyOf}, {@code oneOf} whose alternatives exclude each other, {@code allOf} of what can be
     * put together, {@code $ref} within the schema, into itself too. Annotations are ignored and everything else is
     * refused.
     *
     * <p>Every text is valid, but not every valid text can be written: members come in the schema's order, an object that
     * names {@code properties} has others only where {@code additionalProperties} says so, and blanks, nesting and the
     * digits of numbers have bounds.
     *
     * @param schema the schema as JSON
     * @throws GambitException naming the place of what is wrong or not supported
     */
    public static TextConstraint jsonSchema(String schema) {
        return new TextConstraint("JSON schema " + schema, JsonLanguage.of(JsonReader.read("JSON schema", schema)));
    }

    /**
     * Returns a call of one of some tools, {@code {"name": …, "arguments": {…}}}, which {@link ToolCallParser} finds.
     *
     * @param schemas the JSON schema of each tool's arguments, by the tool's name; at least one
     * @throws GambitException naming the tool, and as {@link #jsonSchema}
     */
    public static TextConstraint toolCall(Map<String, String> schemas) {
        if (schemas.isEmpty()) {
            throw new GambitException(GambitException.line("call of a tool", "at least one tool", "none",
                    "pass the tools there are"));
        }
        List<Expr> calls = new ArrayList<>();
        schemas.forEach((name, schema) -> {
            try {
                calls.add(JsonLanguage.toolCall(name, JsonReader.read("JSON schema", schema)));
            } catch (GambitException e) {
                throw new GambitException("parameters of tool '" + name + "': " + e.getMessage(), e);
            }
        });
        return new TextConstraint("call of " + JsonWriter.write(schemas), Expr.alt(calls));
    }

    /** Returns what fulfils this or another constraint. */
    public TextConstraint or(TextConstraint other) {
        return new TextConstraint(name + " or " + other.name, Expr.alt(language, other.language));
    }

    Expr language() {
        return language;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TextConstraint c && name.equals(c.name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}
