package dev.gambit.app.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufWriter;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The request field {@code budget}: policy gambit at a level that is the budget in other words. */
class BudgetTest {

    private static final String ASK = "{\"prompt\":\"Once upon a time\",\"max_tokens\":16,\"temperature\":0";

    /** The built-in model's thresholds, those of chess-attn also under the name of gambit. */
    private static Path sidecar(Path folder) throws IOException {
        Path from = folder.resolve("from.gguf");
        try (InputStream in = EmbeddedModel.class.getResourceAsStream("fable-7m.chess.gguf")) {
            Files.copy(in, from);
        }
        Path to = folder.resolve("to.chess.gguf");
        try (GgufFile file = GgufFile.open(from); Arena arena = Arena.ofConfined()) {
            GgufWriter writer = new GgufWriter();
            file.metadata().values().forEach((key, value) -> {
                if (!key.equals("chess.policies")) {
                    writer.put(key, value);
                }
            });
            String[] policies = file.metadata().strings("chess.policies");
            String[] more = Arrays.copyOf(policies, policies.length + 1);
            more[policies.length] = "gambit";
            writer.put("chess.policies", more);
            writer.put("chess.policy.gambit", file.metadata().strings("chess.policy.chess-attn"));
            for (GgufTensor tensor : file.tensors()) {
                writer.tensor(tensor.name(), tensor.type(), tensor.shape(), file.map(tensor, arena));
            }
            writer.write(to);
        }
        return to;
    }

    private static String text(JsonNode answer) {
        return answer.get("choices").get(0).get("text").asText();
    }

    @Test
    void aBudgetIsThePolicyAtALevel(@TempDir Path folder) throws IOException {
        try (TestServer server = new TestServer(TestServer.options(1, 1), sidecar(folder), null)) {
            assertTrue(TestServer.json(server.get("/props").body()).get("sparsity").get("budgets").asBoolean());
            JsonNode budget = server.ok("/v1/completions", ASK + ",\"budget\":0.3}");
            JsonNode level = server.ok("/v1/completions", ASK + ",\"sparsity\":0.7}");
            assertEquals(0.7, budget.get("timings").get("sparsity").asDouble(), 1e-9);
            assertEquals(text(level), text(budget), "gambit is chess-attn in this file");
            assertEquals(level.get("timings").get("active").asDouble(), budget.get("timings").get("active").asDouble(),
                    1e-6);
            JsonNode dense = server.ok("/v1/completions", ASK + ",\"budget\":1}");
            assertEquals(1.0, dense.get("timings").get("active").asDouble());
            JsonNode own = server.ok("/v1/completions", ASK + "}");
            assertEquals(0.5, own.get("timings").get("sparsity").asDouble(), "the server's own again");
            assertTrue(budget.get("timings").get("active").asDouble() < own.get("timings").get("active").asDouble());
            refused(server, "\"budget\":0.3,\"sparsity\":0.5", "both");
            refused(server, "\"budget\":0", "0.05");
            refused(server, "\"budget\":1.5", "0.05");
            refused(server, "\"budget\":\"half\"", "number");
            server.ok("/v1/completions", ASK + ",\"budget\":0.05}");
        }
    }

    @Test
    void withoutThePolicyItSaysWhatToDo() {
        try (TestServer server = new TestServer(TestServer.options(1, 1))) {
            assertFalse(TestServer.json(server.get("/props").body()).get("sparsity").get("budgets").asBoolean());
            refused(server, "\"budget\":0.6", "calibrate --budget 0.6");
        }
    }

    private static void refused(TestServer server, String field, String named) {
        JsonNode error = server.post(400, "/v1/completions", ASK + "," + field + "}").get("error");
        assertEquals("budget", error.get("param").asText(), error::toString);
        assertTrue(error.get("message").asText().contains(named), error::toString);
    }
}
