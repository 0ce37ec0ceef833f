package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.internal.schema.Schemas;
import dev.gambit.engine.testing.SharedFolder;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Constrained texts of real models at temperature 1, against networknt's validator. */
class TextConstraintTest {

    private static LanguageModel model;

    @BeforeAll
    static void open() {
        model = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU).contextLength(256).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static GenerationOptions options(TextConstraint constraint, int tokens, long seed) {
        return GenerationOptions.builder().maxTokens(tokens).constraint(constraint)
                .sampling(SamplingOptions.builder().temperature(1).topK(0).topP(1).minP(0).seed(seed).build()).build();
    }

    private static GenerationResult generate(LanguageModel model, TextConstraint constraint, int tokens, long seed) {
        try (Session session = model.session()) {
            return session.generate("Once upon a time", options(constraint, tokens, seed), GenerationListener.NONE);
        }
    }

    /** More seeds with -Dgambit.test.seeds=400. */
    @Test
    void aWeakModelFulfilsASchemaEachOfAHundredTimes() {
        List<String> names = List.of("person", "tree", "shapes", "array");
        for (int seed = 0; seed < Integer.getInteger("gambit.test.seeds", 100); seed++) {
            String schema = Schemas.ALL.get(names.get(seed % names.size()));
            Schemas.validate(schema, generate(model, TextConstraint.jsonSchema(schema), 40, seed).text());
        }
    }

    @Test
    void allSchemasAreFulfilledByALanguageModel() {
        Schemas.ALL.forEach((name, schema) -> {
            for (int seed = 0; seed < 2; seed++) {
                // equal constraints share what was found out
                Schemas.validate(schema, generate(model, TextConstraint.jsonSchema(schema), 230, seed).text());
            }
        });
    }

    @Test
    void smolLm2FulfilsASchema() {
        try (LanguageModel smol = LanguageModel.open(SharedFolder.smolLm2(),
                ModelOptions.builder().backend(BackendChoice.CPU).contextLength(256).build())) {
            String schema = Schemas.ALL.get("person");
            for (int seed = 0; seed < 4; seed++) {
                GenerationResult result = generate(smol, TextConstraint.jsonSchema(schema), 60, seed);
                Schemas.validate(schema, result.text());
                assertEquals(Finish.END_OF_GENERATION, result.finish());
            }
        }
    }

    @Test
    void endsInTimeWhereTheContextIsShorterThanTheText() throws Exception {
        int[] prompt = model.tokenizer().encode("word ".repeat(400), true, true);
        for (int room : new int[] {2, 3, 7, 20}) {
            try (Session session = model.session()) {
                GenerationResult result = session.generate(java.util.Arrays.copyOf(prompt, 256 - room),
                        options(TextConstraint.jsonObject(), -1, room), GenerationListener.NONE);
                assertTrue(new ObjectMapper().readTree(result.text()).isObject(), result.text());
                assertTrue(result.tokens().length <= room + 1);
            }
        }
    }

    @Test
    void theEndOfTheTextEndsTheGeneration() {
        TextConstraint one = TextConstraint.jsonSchema("{\"const\":{\"a\":[true]}}");
        GenerationOptions options = GenerationOptions.builder().maxTokens(50).constraint(one).ignoreEndOfGeneration(
                true)
                .sampling(SamplingOptions.greedy()).build();
        try (Session session = model.session()) {
            StringBuilder heard = new StringBuilder();
            GenerationResult result = session.generate("Once", options, (token, text) -> heard.append(text));
            assertEquals("{\"a\":[true]}", result.text());
            assertEquals(result.text(), heard.toString());
            assertEquals(Finish.END_OF_GENERATION, result.finish());
        }
    }

    /** Whatever the seed; two tools whose schemas have a definition of the same name. */
    @Test
    void aCallOfAToolIsOneThatTheParserFinds() {
        String schema =
                "{\"properties\":{\"x\":{\"$ref\":\"#/$defs/X\"}},\"required\":[\"x\"],\"$defs\":{\"X\":{\"enum\":[%s]}}}";
        TextConstraint call = TextConstraint.toolCall(Map.of("a", schema.formatted("1"), "b", schema.formatted("2")));
        Set<String> seen = new HashSet<>();
        for (int seed = 0; seed < 20; seed++) {
            ToolCallParser parser = new ToolCallParser(Set.of("a", "b"));
            assertEquals("", parser.add(generate(model, call, 40, seed).text()) + parser.finish());
            ToolCall found = parser.calls().get(0);
            assertEquals(1, parser.calls().size());
            seen.add(found.name() + found.arguments().replaceAll("\\s", ""));
        }
        assertEquals(Set.of("a{\"x\":1}", "b{\"x\":2}"), seen);
    }

    @Test
    void oneOfTwoConstraintsIsFulfilled() {
        TextConstraint either = TextConstraint.jsonSchema("{\"const\":1}").or(TextConstraint.jsonSchema(
                "{\"const\":2}"));
        Set<String> seen = new HashSet<>();
        for (int seed = 0; seed < 20; seed++) {
            seen.add(generate(model, either, 8, seed).text());
        }
        assertEquals(Set.of("1", "2"), seen);
    }

    @Test
    void biasesAndPenaltiesCannotBreakIt() {
        TextConstraint one = TextConstraint.jsonSchema("{\"enum\":[\"aaaaaaaa\"]}");
        SamplingOptions sampling = SamplingOptions.builder().presencePenalty(100).frequencyPenalty(100).seed(1)
                .logitBias(banAll()).build();
        GenerationOptions options = GenerationOptions.builder().maxTokens(50).constraint(one).sampling(sampling)
                .build();
        try (Session session = model.session()) {
            assertEquals("\"aaaaaaaa\"", session.generate("Once", options, GenerationListener.NONE).text());
        }
    }

    private static Map<Integer, Float> banAll() {
        return java.util.stream.IntStream.range(0, model.tokenizer().vocabularySize()).boxed()
                .collect(java.util.stream.Collectors.toMap(i -> i, i -> Float.NEGATIVE_INFINITY));
    }

    @Test
    void logprobsStayThoseOfTheModel() {
        GenerationOptions options = GenerationOptions.builder().maxTokens(20).topLogprobs(1)
                .constraint(TextConstraint.jsonObject()).sampling(SamplingOptions.greedy()).build();
        try (Session session = model.session()) {
            TokenLogprobs first = session.generate("Once upon", options, GenerationListener.NONE).logprobs().get(0);
            assertFalse(first.top().get(0).text().startsWith("{"), "the model would rather tell a story");
            assertTrue(first.chosen().logprob() < first.top().get(0).logprob());
        }
    }

    @Test
    void equalSchemasAreEqual() {
        assertEquals(TextConstraint.jsonSchema("{}"), TextConstraint.jsonSchema("{}"));
        assertNotEquals(TextConstraint.jsonSchema("{}"), TextConstraint.json());
        assertEquals(TextConstraint.jsonObject(), TextConstraint.jsonObject());
        for (String wrong : List.of("{", "[", "{\"a\":1,\"a\":2}", "", "{} {}")) {
            GambitException e = assertThrows(GambitException.class, () -> TextConstraint.jsonSchema(wrong));
            assertTrue(e.getMessage().startsWith("JSON schema, line 1, column "), e.getMessage());
        }
    }
}
