package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {

    /** What llama.cpp (llama-completion --temp 0 -n 20) makes of the same file and prompt. */
    private static final String PROMPT = "Once upon a time";
    private static final String STORY =
            ", there was a small grandmother named Amy. Amy was a kind and gentle soul who loved"
                    + " her family";

    @Test
    void tellsTheStoryThatLlamaCppTells() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "20", "--temp", "0", "--dense");
        assertEquals(PROMPT + STORY + "\n", run.out());
    }

    @Test
    void reportsInLlamaCppsLines() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "5", "-s", "42", "--dense", "-v");
        String number = " +\\d+\\.\\d\\d";
        assertTrue(run.err().matches("(?s).*prompt eval time =" + number + " ms / +4 tokens \\(" + number
                + " ms per token," + number + " tokens per second\\)\n.*"), run.err());
        assertTrue(run.err().matches("(?s).* eval time =" + number + " ms / +4 runs   \\(" + number
                + " ms per token," + number + " tokens per second\\)\n.*"), run.err());
        assertTrue(run.err().contains("backend          = CPU ("), run.err());
        assertTrue(run.err().contains("sampler seed     = 42\n"), run.err());
        assertTrue(run.err().matches("(?s).*first token at   =" + number + " ms.*"), run.err());
    }

    @Test
    void aSeedMakesADrawReproducible() {
        String one = Run.succeeds("generate", "-p", PROMPT, "-n", "30", "-s", "1").out();
        assertEquals(one, Run.succeeds("generate", "-p", PROMPT, "-n", "30", "-s", "1", "-t", "1").out());
        assertNotEquals(one, Run.succeeds("generate", "-p", PROMPT, "-n", "30", "-s", "2").out());
    }

    @Test
    void aBiasMakesATokenLikelierOrBansIt() {
        String[] command = {"generate", "-p", PROMPT, "-n", "2", "--temp", "0", "--dense", "--json", "-l"};
        int first = tokens(command, "0+0")[0];
        assertNotEquals(first, tokens(command, first + "-inf")[0]);
        assertEquals(300, tokens(command, "300+100")[0]);
        Run wrong = Run.of("generate", "-p", PROMPT, "--logit-bias", "12");
        assertNotEquals(0, wrong.status());
        assertTrue(wrong.err().contains("--logit-bias: expected a token id, + or -"), wrong.err());
    }

    private static int[] tokens(String[] command, String bias) {
        String[] all = java.util.Arrays.copyOf(command, command.length + 1);
        all[command.length] = bias;
        try {
            return new ObjectMapper().convertValue(new ObjectMapper().readTree(Run.succeeds(all).out()).get("tokens"),
                    int[].class);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aSchemaIsFulfilled(@TempDir Path folder) throws Exception {
        String schema =
                "{\"type\":\"object\",\"properties\":{\"age\":{\"type\":\"integer\",\"minimum\":3,\"maximum\":9}},"
                        + "\"required\":[\"age\"]}";
        Path file = Files.writeString(folder.resolve("schema.json"), schema);
        for (String[] option : new String[][] {{"-j", schema}, {"--json-schema-file", file.toString()}}) {
            Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "30", "--no-display-prompt", option[0], option[1]);
            int age = new ObjectMapper().readTree(run.out()).get("age").asInt();
            assertTrue(age >= 3 && age <= 9, run.out());
        }
        Run wrong = Run.of("generate", "-p", PROMPT, "-j", "{\"not\":{}}");
        assertNotEquals(0, wrong.status());
        assertTrue(wrong.err().contains("JSON schema, #/not: expected"), wrong.err());
    }

    @Test
    void theSeedThatIsReportedGivesTheSameText() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "30");
        String seed = run.err().lines()
                .filter(l -> l.startsWith("sampler seed")).findFirst().orElseThrow().replaceAll("\\D", "");
        assertEquals(run.out(), Run.succeeds("generate", "-p", PROMPT, "-n", "30", "--seed", seed).out());
    }

    @Test
    void jsonHoldsTextTokensTimingsAndSparsity() throws Exception {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "20", "--temp", "0", "--dense", "--json");
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertEquals(STORY, json.get("text").asText());
        assertEquals(PROMPT, json.get("prompt").asText());
        assertEquals(20, json.get("tokens").size());
        assertEquals("length", json.get("finish").asText());
        assertEquals(4, json.at("/timings/prompt_n").asInt());
        assertEquals(19, json.at("/timings/predicted_n").asInt());
        assertTrue(json.at("/timings/predicted_ms").asDouble() > 0);
        assertTrue(json.at("/timings/first_token_ms").asDouble() > json.at("/timings/load_ms").asDouble());
        assertTrue(json.at("/sparsity/level").isNull());
        assertEquals(1.0, json.at("/sparsity/active").asDouble());
        assertEquals(1.0, json.at("/sparsity/bytes").asDouble());
        assertEquals("", run.err());
    }

    @Test
    void automaticSparsityIsChosenForASpeed() {
        Run run = Run.succeeds("generate", "-p", "Once", "-n", "20", "--ignore-eos", "--sparsity", "auto",
                "--target-speed", "0.001");
        assertTrue(run.err().contains("sparsity         = 0.00 at the end, for 0.0 tokens per second"), run.err());
        run = Run.succeeds("generate", "-p", "Once", "-n", "60", "--ignore-eos", "--sparsity", "auto", "--target-speed",
                "1000000");
        assertTrue(run.err().contains("at the end, for 1000000.0 tokens per second"), run.err());
        for (String[] wrong : new String[][] {{"--sparsity", "auto"}, {"--target-speed", "5"},
            {"--sparsity", "0.5", "--target-speed", "5"}, {"--sparsity", "auto", "--target-speed", "-1"},
            {"--sparsity", "auto", "--target-speed", "5", "--dense"}}) {
            String[] args = java.util.stream.Stream.concat(java.util.stream.Stream.of("generate", "-p", "Once"),
                    java.util.Arrays.stream(wrong)).toArray(String[]::new);
            Run failed = Run.of(args);
            assertEquals(2, failed.status(), failed.err());
            assertTrue(failed.err().contains("expected ") && failed.err().lines().count() == 1, failed.err());
        }
        assertEquals(2, Run.of("generate", "-p", "Once", "--sparsity", "much").status());
    }

    @Test
    void stopsBeforeAReversePrompt() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "--temp", "0", "--dense", "-r", "xyz", "-r", "Amy",
                "--no-perf");
        assertEquals(PROMPT + ", there was a small grandmother named \n", run.out());
        assertEquals("", run.err());
    }

    @Test
    void zeroTokensReadThePromptOnly() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "0");
        assertEquals(PROMPT + "\n", run.out());
        assertTrue(run.err().contains("/     4 tokens"), run.err());
    }

    @Test
    void printsTheContinuationAlone() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-n", "20", "--temp", "0", "--dense", "--no-display-prompt");
        assertEquals(STORY + "\n", run.out());
    }

    @Test
    void aFullContextEndsTheTextAndSaysSo() {
        Run run = Run.succeeds("generate", "-p", PROMPT, "-c", "8", "--ignore-eos");
        assertTrue(run.err().contains("The context of 8 tokens is full; -c makes it longer."), run.err());
    }

    @Test
    void aPromptThatDoesNotFitIsNotEvenShown() {
        Run run = Run.of("generate", "-p", "word ".repeat(600), "-n", "1");
        assertEquals(2, run.status());
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("gambit: prompt: expected at most the 512 tokens of the context, found "), run
                .err());
        assertEquals(1, run.err().lines().count());
    }

    @Test
    void anEmptyPromptBeginsAText() {
        Run run = Run.succeeds("generate", "-p", "", "-n", "5", "-s", "3");
        assertFalse(run.out().isBlank());
    }

    @Test
    void escapesArePartOfThePromptUnlessToldOtherwise() {
        assertTrue(Run.succeeds("generate", "-p", "A\\nB", "-n", "0").out().startsWith("A\nB"));
        assertTrue(Run.succeeds("generate", "-p", "A\\nB", "-n", "0", "--no-escape").out().startsWith("A\\nB"));
    }

    @Test
    void promptsThatLookLikeSomethingElseArePrompts() {
        for (String prompt : new String[] {"@file", "-n", "--help", "a=b", "\"quoted\"", "${env:HOME}", "Größe 🙂"}) {
            assertEquals(prompt + "\n", Run.succeeds("generate", "-p", prompt, "-n", "0").out());
        }
    }

    @Test
    void readsAPromptFromAFileOrStandardInput(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("prompt.txt");
        Files.writeString(file, "\uFEFF" + PROMPT + "\r\n");
        assertEquals(PROMPT + "\n", Run.succeeds("generate", "-f", file.toString(), "-n", "0").out());
        assertEquals(PROMPT + "\n", Run.with(PROMPT + "\n", "generate", "-f", "-", "-n", "0").out());
    }

    @Test
    void aFileThatIsNoTextIsSaidToBeNone(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("prompt.bin");
        Files.write(file, new byte[] {(byte) 0xc3, 0x28});
        Run run = Run.of("generate", "-f", file.toString());
        assertEquals(2, run.status());
        assertTrue(run.err().contains("expected a text in UTF-8"), run.err());
    }

    @Test
    void aModelFileGivesWhatTheEmbeddedOneGives(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("model with blanks.gguf");
        try (var in = dev.gambit.engine.EmbeddedModel.class.getResourceAsStream("fable-7m-q8_0.gguf")) {
            Files.copy(in, file);
        }
        Run run = Run.succeeds("generate", "-m", file.toString(), "-p", PROMPT, "-n", "20", "--temp", "0", "-ctk",
                "f32");
        assertEquals(PROMPT + STORY + "\n", run.out());
        byte[] damaged = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(damaged, damaged.length / 2));
        Run failed = Run.of("generate", "-m", file.toString(), "-p", PROMPT);
        assertEquals(2, failed.status());
        assertEquals(1, failed.err().lines().count(), failed.err());
        assertTrue(failed.err().startsWith("gambit: " + file), failed.err());
        assertEquals("", failed.out());
    }
}
