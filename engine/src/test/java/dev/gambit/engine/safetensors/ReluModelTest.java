package dev.gambit.engine.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.FatRelu;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.SharedFolder;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code fable-7m-relu}, a folder of Hugging Face's, against PyTorch: token by token, exact zeros skipped or not. */
class ReluModelTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void continuesWithTheSameTokens(boolean skipZeros) {
        Path folder = SharedFolder.require("models/fable-7m-relu/model.safetensors").getParent();
        JsonNode reference = Reference.json(SharedFolder.require("reference/fable-7m-relu.json"));
        Thresholds zeros;
        try (GgufFile file = GgufFile.open(folder)) {
            assertTrue(FatRelu.fits(file));
            zeros = skipZeros ? FatRelu.of(file, 0) : null;
        }
        ModelOptions options = ModelOptions.builder()
                .threads(2)
                .backend(BackendChoice.CPU)
                .cacheType(KvCacheType.F32, KvCacheType.F32)
                .thresholds(zeros)
                .build();
        GenerationOptions greedy = GenerationOptions.builder()
                .maxTokens(64)
                .sampling(SamplingOptions.greedy())
                .parseSpecial(true)
                .build();
        try (LanguageModel model = LanguageModel.open(folder, options)) {
            for (JsonNode c : reference.get("cases")) {
                int[] prompt = Reference.ints(c.get("prompt_token_ids"));
                assertArrayEquals(prompt, model.tokenizer().encode(c.get("prompt").asText(), true, true));
                try (Session session = model.session()) {
                    check(c.get("first_step"), session.evaluate(prompt));
                    session.truncate(0);
                    GenerationResult result = session.generate(prompt, greedy, (token, text) -> {});
                    assertEquals(c.get("completion_text").asText(), result.text());
                    if (skipZeros) {
                        double skipped = result.sparsity().skipped().get(Site.FFN_ACT);
                        assertTrue(skipped > 0.7 && skipped < 0.95, "zeros: " + skipped);
                        assertTrue(result.sparsity().active() < 0.7, "active: " + result.sparsity().active());
                    }
                }
            }
        }
    }

    private static void check(JsonNode expected, float[] logits) {
        int[] ids = Reference.ints(expected.get("top10_ids"));
        float[] values = Reference.floats(expected.get("top10_logits"));
        for (int i = 0; i < ids.length; i++) {
            assertEquals(values[i], logits[ids[i]], 1e-3, "logit of token " + ids[i]);
        }
    }
}
