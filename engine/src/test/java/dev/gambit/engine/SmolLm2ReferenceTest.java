package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.testing.Logits;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.SharedFolder;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** SmolLM2-135M against a float32 implementation in PyTorch (logits) and llama.cpp on the file in F16 (texts). */
class SmolLm2ReferenceTest {

    private static LanguageModel model;

    @BeforeEach
    void open() {
        if (model == null) {
            ModelOptions options = ModelOptions.builder()
                    .threads(2)
                    .contextLength(256)
                    .cacheType(KvCacheType.F32, KvCacheType.F32)
                    .cudaDriver(Reference.cudaDriver())
                    .build();
            model = LanguageModel.open(SharedFolder.smolLm2(), options);
        }
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    @Test
    void givesTheSameLogits() {
        JsonNode cases = Reference.json(SharedFolder.require("reference/smollm2-refs.json")).get("logits");
        assertEquals(3, cases.size());
        for (JsonNode c : cases) {
            int[] prompt = Reference.ints(c.get("ids"));
            assertArrayEquals(prompt, model.tokenizer().encode(c.get("prompt").asText(), true, true));
            try (Session session = model.session()) {
                FableReferenceTest.check(c.get("dense"), session.evaluate(prompt));
            }
        }
    }

    @Test
    void oneByOneGivesTheSameLogitsAsAtOnce() {
        JsonNode c = Reference.json(SharedFolder.require("reference/smollm2-refs.json")).get("logits").get(1);
        int[] prompt = Reference.ints(c.get("ids"));
        float[][] atOnce = Logits.atOnce(model, prompt);
        float[][] oneByOne = Logits.oneByOne(model, prompt);
        assertEquals(0, Logits.difference(atOnce, oneByOne), 1e-3);
        FableReferenceTest.check(c.get("dense"), oneByOne[prompt.length - 1]);
    }

    @Test
    void continuesWithTheSameTokensWhereTheChoiceIsClear() {
        int sure = 0;
        for (JsonNode c : Reference.lines(SharedFolder.require("reference/smollm2-greedy-f16.jsonl"))) {
            int[] expected = Reference.ints(c.get("completion_token_ids"));
            int steps = Reference.sureSteps(c, .05);
            GenerationOptions options = GenerationOptions.builder()
                    .maxTokens(steps + 1)
                    .sampling(SamplingOptions.greedy())
                    .build();
            try (Session session = model.session()) {
                GenerationResult result =
                        session.generate(c.get("prompt").asText(), options, GenerationListener.NONE);
                assertTrue(result.tokens().length >= steps, "tokens of " + c.get("prompt"));
                assertArrayEquals(Arrays.copyOf(expected, steps), Arrays.copyOf(result.tokens(), steps));
                // A last token that ends the text is not in llama.cpp's list.
                if (steps == expected.length && c.get("stop_type").asText().equals("eos")) {
                    assertEquals(GenerationResult.Finish.END_OF_GENERATION, result.finish());
                    assertEquals(c.get("completion_text").asText(), result.text());
                }
            }
            sure += steps;
        }
        assertTrue(sure > 60, "steps to compare: " + sure);
    }
}
