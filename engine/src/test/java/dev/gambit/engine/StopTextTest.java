package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GenerationResult.Finish;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Stop texts against the same text without any: what is streamed never holds a part of one. */
class StopTextTest {

    private static final int TOKENS = 30;

    private static LanguageModel model;
    private static String whole;

    @BeforeAll
    static void open() {
        model = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU).contextLength(128).build());
        whole = generate(new StringBuilder()).text();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static GenerationResult generate(StringBuilder heard, String... stop) {
        GenerationOptions options = GenerationOptions.builder().maxTokens(TOKENS).sampling(SamplingOptions.greedy())
                .stop(stop).build();
        try (Session session = model.session()) {
            return session.generate("Once upon a time", options, (token, text) -> {
                heard.append(text);
                for (String s : stop) {
                    assertFalse(heard.toString().contains(s), () -> "heard " + heard);
                }
            });
        }
    }

    @Test
    void aStopTextOfAnyLengthAnywhereEndsTheText() {
        // all texts of 1 to 14 characters from some places on: they begin and end within tokens, and span several
        for (int from = 3; from < whole.length() - 15; from += 9) {
            for (int length = 1; length < 15; length += 3) {
                String stop = whole.substring(from, from + length);
                StringBuilder heard = new StringBuilder();
                GenerationResult result = generate(heard, stop, "never said");
                assertEquals(whole.substring(0, whole.indexOf(stop)), result.text(), stop);
                assertEquals(result.text(), heard.toString());
                assertEquals(Finish.STOP, result.finish());
            }
        }
    }

    @Test
    void theFirstOfSeveralStopTextsCounts() {
        int early = whole.indexOf(' ', 10);
        GenerationResult result = generate(new StringBuilder(), whole.substring(early + 9, early + 14),
                whole.substring(early, early + 6));
        assertEquals(whole.substring(0, early), result.text());
    }

    @Test
    void whatOnlyBeganAStopTextIsHeardInTheEnd() {
        StringBuilder heard = new StringBuilder();
        GenerationResult result = generate(heard, whole.substring(whole.length() - 4) + "?never");
        assertEquals(whole, result.text());
        assertEquals(whole, heard.toString());
        assertTrue(result.finish() == Finish.LENGTH || result.finish() == Finish.END_OF_GENERATION);
    }
}
