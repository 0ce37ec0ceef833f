package dev.gambit.engine.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Schemas of the kind services use, and networknt's validator for them. */
public final class Schemas {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Schema> VALIDATORS = new ConcurrentHashMap<>();

    /** By name. */
    public static final Map<String, String> ALL = new LinkedHashMap<>();

    static {
        add("person", """
                {"type":"object","title":"Person","properties":{"name":{"type":"string","minLength":1,"maxLength":20},
                "age":{"type":"integer","minimum":0,"maximum":120},"email":{"type":["string","null"],"maxLength":30}},
                "required":["name","age"],"additionalProperties":false}""");
        add("enum", """
                {"type":"object","properties":{"mood":{"enum":["happy","sad",null,7,{"a":[1,"é\\"\\n"]}]},
                "kind":{"const":"x"},"ok":{"type":"boolean"}},"required":["mood","kind","ok"]}""");
        add("array", """
                {"type":"array","items":{"type":"number","minimum":-1.5,"maximum":2.25},"minItems":2,"maxItems":5}""");
        add("tuple", """
                {"type":"array","prefixItems":[{"type":"integer","exclusiveMinimum":-3,"exclusiveMaximum":12},
                {"type":"string","pattern":"^[a-c]{2,4}(-\\\\d+)?$"}],"items":false}""");
        add("tree",
                """
                        {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},
                        "left":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},
                        "children":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":3}},"required":["value","left"]}}}""");
        add("shapes",
                """
                        {"oneOf":[{"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number","exclusiveMinimum":0}},
                        "required":["kind","r"]},{"type":"object","properties":{"kind":{"const":"box"},"w":{"type":"integer"},
                        "h":{"type":"integer"}},"required":["kind","w","h"]},{"type":"integer","maximum":-10}]}""");
        add("formats",
                """
                        {"type":"object","properties":{"d":{"type":"string","format":"date"},"t":{"type":"string","format":"date-time"},
                        "id":{"type":"string","format":"uuid"},"mail":{"type":"string","format":"email","maxLength":60},
                        "ip":{"format":"ipv4"},"ip6":{"type":"string","format":"ipv6"},"at":{"type":"string","format":"time"},
                        "for":{"type":"string","format":"duration"},"host":{"type":"string","format":"hostname"},
                        "link":{"type":"string","format":"uri"}},"required":["d","t","id","mail","ip","ip6","at","for","host","link"]}""");
        add("map", """
                {"type":"object","properties":{"name":{"type":"string","maxLength":5},"näme":{"type":"null"}},
                "required":["na"],"additionalProperties":{"type":"integer"}}""");
        add("allOf",
                """
                        {"allOf":[{"$ref":"#/definitions/base"},{"properties":{"b":{"type":"integer","minimum":5}},"required":["b"]}],
                        "properties":{"a":{"maxLength":3}},"definitions":{"base":{"type":"object","properties":{"a":{"type":"string"},
                        "b":{"type":"number"}},"required":["a"]}}}""");
        add("free", """
                {"type":"object","properties":{"any":{},"list":{"type":"array"},"object":{"type":"object"},"yes":true},
                "required":["any","list","object"]}""");
        add("optional",
                """
                        {"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"},"d":{"type":"null"}},
                        "required":["c"],"additionalProperties":true,"maxProperties":6}""");
        add("pattern",
                """
                        {"type":"array","minItems":3,"prefixItems":[{"type":"string","pattern":"[A-Z]\\\\w*\\\\s\\\\S+","maxLength":30},
                        {"type":"string","pattern":"^(foo|ba[rz]|\\\\u00e9\\"?)+$","maxLength":9},
                        {"type":"string","pattern":"^[^a-z\\"\\\\\\\\]{3}$|x\\\\.y"}]}""");
    }

    private Schemas() {}

    private static void add(String name, String schema) {
        ALL.put(name, schema);
    }

    /** Returns the document; fails where it is no JSON or does not fulfil the schema. */
    public static JsonNode validate(String schema, String document) {
        Schema validator = VALIDATORS.computeIfAbsent(
                schema,
                text -> SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(text, InputFormat.JSON));
        try {
            JsonNode json = JSON.readTree(document);
            var messages = validator.validate(
                    document, InputFormat.JSON, context -> context.executionConfig(c -> c.formatAssertionsEnabled(
                            true)));
            if (!messages.isEmpty()) {
                throw new AssertionError(document + ": " + messages);
            }
            return json;
        } catch (IOException e) {
            throw new AssertionError(document, e);
        }
    }
}
