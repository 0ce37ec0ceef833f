package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.Reference;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The model in the jar against a float32 implementation in PyTorch: texts token by token, logits. */
class FableReferenceTest {

    private static LanguageModel model;

    @BeforeAll
    static void open() {
        ModelOptions options =
                ModelOptions.builder().threads(2).cacheType(KvCacheType.F32, KvCacheType.F32)
                        .cudaDriver(Reference.cudaDriver()).build();
        model = LanguageModel.open(Reference.fable(), options);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    static Stream<JsonNode> cases() {
        return Reference.fableCases().valueStream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void continuesWithTheSameTokens(JsonNode c) {
        GenerationOptions options = GenerationOptions.builder()
                .maxTokens(64)
                .sampling(SamplingOptions.greedy())
                .build();
        StringBuilder streamed = new StringBuilder();
        try (Session session = model.session()) {
            GenerationResult result =
                    session.generate(c.get("prompt").asText(), options, (token, text) -> streamed.append(text));
            assertArrayEquals(Reference.ints(c.get("completion_token_ids")), result.tokens());
            assertEquals(c.get("completion_text").asText(), result.text());
            assertEquals(result.text(), streamed.toString());
            assertEquals(GenerationResult.Finish.LENGTH, result.finish());
            assertEquals(c.get("prompt_token_ids").size(), result.timings().promptTokens());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void givesTheSameLogits(JsonNode c) {
        int[] prompt = Reference.ints(c.get("prompt_token_ids"));
        assertArrayEquals(prompt, model.tokenizer().encode(c.get("prompt").asText(), true, true));
        try (Session session = model.session();
                Session another = model.session()) {
            check(c.get("first_step"), session.evaluate(prompt));
            check(c.get("first_step"), Logits.oneByOne(another, prompt)[prompt.length - 1]);
        }
    }

    /** Compares the ten largest logits and the logarithm of the sum of exponentials. */
    static void check(JsonNode expected, float[] logits) {
        int[] ids = Reference.ints(expected.get("top10_ids"));
        float[] values = Reference.floats(expected.get("top10_logits"));
        for (int i = 0; i < ids.length; i++) {
            assertEquals(values[i], logits[ids[i]], 1e-3, "logit of token " + ids[i]);
        }
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        assertEquals(values[9], sorted[sorted.length - 10], 1e-3, "the tenth largest");
        assertEquals(expected.get("logsumexp").asDouble(), Logits.logSumExp(logits), 1e-3);
    }
}
