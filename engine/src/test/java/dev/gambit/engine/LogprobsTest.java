package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Log-probabilities of a generation against a plain softmax over the logits of the same positions. */
class LogprobsTest {

    private static final String PROMPT = "Once upon a time";

    private static LanguageModel model;

    @BeforeAll
    static void open() {
        model = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU).contextLength(128).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static GenerationOptions options(int top) {
        // samplers that change much: what is told must not depend on them
        SamplingOptions sampling = SamplingOptions.builder().temperature(1.3f).topK(5).repeatPenalty(1.2f)
                .presencePenalty(0.5f).logitBias(Map.of(5, Float.NEGATIVE_INFINITY)).seed(7).build();
        return GenerationOptions.builder().maxTokens(12).sampling(sampling).topLogprobs(top).build();
    }

    @Test
    void areTheSoftmaxOfTheRawLogits() {
        List<TokenLogprobs> heard = new ArrayList<>();
        List<Integer> order = new ArrayList<>();
        GenerationListener listener = new GenerationListener() {
            @Override
            public void token(int token, String text) {
                order.add(token);
            }

            @Override
            public void logprobs(TokenLogprobs logprobs) {
                assertEquals(order.size(), heard.size(), "comes before its token");
                heard.add(logprobs);
            }
        };
        GenerationResult result;
        try (Session session = model.session()) {
            result = session.generate(PROMPT, options(4), listener);
        }
        assertEquals(result.logprobs(), heard);
        assertEquals(result.tokens().length, heard.size());
        try (Session session = model.session()) {
            float[] logits = session.evaluate(model.tokenizer().encode(PROMPT, true, true));
            for (int i = 0; i < heard.size(); i++) {
                check(heard.get(i), result.tokens()[i], logits);
                logits = session.evaluate(new int[] {result.tokens()[i]});
            }
        }
    }

    private static void check(TokenLogprobs told, int token, float[] logits) {
        double sum = IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i])).sum();
        assertEquals(token, told.chosen().token());
        assertArrayEquals(model.tokenizer().tokenBytes(token, true), told.chosen().bytes());
        assertEquals(Math.log(Math.exp(logits[token]) / sum), told.chosen().logprob(), 1e-4);
        int[] best = IntStream.range(0, logits.length).boxed()
                .sorted(Comparator.comparing(i -> -logits[i])).mapToInt(i -> i).limit(4).toArray();
        assertArrayEquals(best, told.top().stream().mapToInt(TokenLogprob::token).toArray());
        for (TokenLogprob t : told.top()) {
            assertEquals(Math.log(Math.exp(logits[t.token()]) / sum), t.logprob(), 1e-4);
            // the tokenizer may take a leading space away
            assertEquals(model.tokenizer().decode(new int[] {t.token()}, true).strip(), t.text().strip());
        }
    }

    @Test
    void areLeftOutUnlessAskedForAndChangeNoText() {
        try (Session session = model.session()) {
            GenerationResult without = session.generate(PROMPT, options(-1), GenerationListener.NONE);
            session.truncate(0);
            GenerationResult with = session.generate(PROMPT, options(0), GenerationListener.NONE);
            assertEquals(List.of(), without.logprobs());
            assertEquals(without.text(), with.text());
            assertEquals(without.tokens().length, with.logprobs().size());
            assertTrue(with.logprobs().stream().allMatch(l -> l.top().isEmpty()));
            assertEquals(Arrays.stream(with.tokens()).boxed().toList(),
                    with.logprobs().stream().map(l -> l.chosen().token()).toList());
        }
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        assertThrows(GambitException.class, () -> options(21));
        assertThrows(GambitException.class, () -> options(-2));
        GenerationOptions biased = GenerationOptions.builder()
                .sampling(SamplingOptions.builder().logitBias(Map.of(1_000_000, 1f)).build()).build();
        try (Session session = model.session()) {
            GambitException e = assertThrows(GambitException.class,
                    () -> session.generate(PROMPT, biased, GenerationListener.NONE));
            assertTrue(e.getMessage().startsWith("logit bias: expected token ids up to "), e.getMessage());
        }
    }
}
