package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PerplexityTest {

    private static Thresholds some() {
        Thresholds t = new Thresholds(8);
        for (int l = 0; l < 8; l++) {
            float[] values = new float[768];
            Arrays.fill(values, 0.15f);
            t.set(l, Site.FFN_ACT, values);
        }
        return t;
    }

    /** Log-probabilities behind each scored position, by the definition. */
    private static List<double[]> logProbabilities(LanguageModel model, int[] window) {
        List<double[]> rows = new ArrayList<>();
        try (Session session = model.session()) {
            session.evaluate(window, window.length / 2, (first, count, logits) -> {
                int n = logits.length / Math.max(count, logits.length / model.tokenizer().vocabularySize());
                for (int r = 0; r < count; r++) {
                    double sum = 0;
                    for (int i = 0; i < n; i++) {
                        sum += Math.exp(logits[r * n + i]);
                    }
                    double[] row = new double[n];
                    for (int i = 0; i < n; i++) {
                        row[i] = logits[r * n + i] - Math.log(sum);
                    }
                    rows.add(row);
                }
            });
        }
        return rows;
    }

    @Test
    void perplexityDivergenceAndErrorsAreTheDefinition() {
        try (LanguageModel dense = Fixtures.openFable(0, null);
                LanguageModel sparse = Fixtures.openFable(0, some());
                Perplexity perplexity = new Perplexity(3)) {
            TokenWindows windows = Fixtures.windows(dense, 0, 3);
            List<Double> running = new ArrayList<>();
            Perplexity.Comparison c =
                    perplexity.compare(dense, sparse, windows, w -> w != 1, (chunk, chunks, p) -> running.add(p));
            List<Double> losses = new ArrayList<>();
            List<Double> divergences = new ArrayList<>();
            List<Double> ratios = new ArrayList<>();
            int same = 0;
            for (int w = 0; w < 3; w++) {
                int[] tokens = windows.window(w);
                List<double[]> p = logProbabilities(dense, tokens);
                List<double[]> q = logProbabilities(sparse, tokens);
                for (int r = 0; r < 63; r++) {
                    int next = tokens[64 + r + 1];
                    losses.add(-q.get(r)[next]);
                    if (w != 1) {
                        double kl = 0;
                        for (int i = 0; i < p.get(r).length; i++) {
                            kl += Math.exp(p.get(r)[i]) * (p.get(r)[i] - q.get(r)[i]);
                        }
                        divergences.add(kl);
                        ratios.add(p.get(r)[next] - q.get(r)[next]);
                        same += argmax(p.get(r)) == argmax(q.get(r)) ? 1 : 0;
                    }
                }
            }
            assertEquals(3, running.size());
            assertEquals(c.sparse().perplexity().mean(), running.get(2));
            assertEquals(3 * 63, c.sparse().tokens());
            assertEquals(2 * 63, c.dense().tokens());
            double ppl = Math.exp(mean(losses));
            assertEquals(ppl, c.sparse().perplexity().mean(), 1e-4 * ppl);
            assertEquals(ppl * error(losses), c.sparse().perplexity().error(), 1e-3);
            assertEquals(mean(divergences), c.divergence().mean(), 1e-6);
            assertEquals(error(divergences), c.divergence().error(), 1e-6);
            assertEquals(mean(ratios), c.logRatio().mean(), 1e-6);
            assertEquals((double) same / divergences.size(), c.sameTop().mean(), 1e-9);
            assertTrue(c.divergence().mean() > 0.001, "KL " + c.divergence());
            assertTrue(c.sparse().sparsity().active() < 0.95, "active " + c.sparse().sparsity());
        }
    }

    private static int argmax(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }

    private static double mean(List<Double> x) {
        return x.stream().mapToDouble(d -> d).sum() / x.size();
    }

    private static double error(List<Double> x) {
        double mean = mean(x);
        double squares = x.stream().mapToDouble(d -> (d - mean) * (d - mean)).sum() / x.size();
        return Math.sqrt(squares / (x.size() - 1));
    }

    @Test
    void aModelDoesNotDivergeFromItself() {
        try (LanguageModel dense = Fixtures.openFable(1, null);
                LanguageModel zero = Fixtures.openFable(2, new Thresholds(8));
                Perplexity perplexity = new Perplexity(1)) {
            Perplexity.Comparison c =
                    perplexity.compare(dense, zero, Fixtures.windows(dense, 0, 2), w -> true, (chunk, chunks, p) -> {});
            assertEquals(0, c.divergence().mean(), 1e-12);
            assertEquals(1, c.sameTop().mean());
            assertEquals(c.dense().perplexity(), c.sparse().perplexity());
        }
    }

    /** 8.37 by an independent float32 implementation: 512-token windows, all positions, stories ended by a token. */
    @Test
    void theStoriesHaveTheirPublishedPerplexity() {
        try (LanguageModel model = Fixtures.openFable(0, null);
                Session session = model.session()) {
            IntStream.Builder tokens = IntStream.builder();
            for (String story : Fixtures.testStories().split("\n\n")) {
                Arrays.stream(model.tokenizer().encode(story.strip(), false, false)).forEach(tokens);
                tokens.add(model.tokenizer().eos());
            }
            TokenWindows windows = TokenWindows.of(tokens.build().toArray(), 512, 0, -1);
            int n = model.tokenizer().vocabularySize();
            double[] loss = new double[1];
            for (int w = 0; w < windows.count(); w++) {
                int[] window = windows.window(w);
                session.truncate(0);
                session.evaluate(window, 0, (first, count, logits) -> {
                    for (int r = 0; r < Math.min(count, 511 - first); r++) {
                        loss[0] += LogSoftmax.logSumExp(logits, r * n, n) - logits[r * n + window[first + r + 1]];
                    }
                });
            }
            assertEquals(8.37, Math.exp(loss[0] / (511L * windows.count())), 0.005);
        }
    }

    @Test
    void evenlySpacedWindows() {
        IntPredicate p = Perplexity.evenlySpaced(10, 4);
        StringBuilder chosen = new StringBuilder();
        for (int w = 0; w < 10; w++) {
            chosen.append(p.test(w) ? w : "");
        }
        assertEquals("0369", chosen.toString());
        assertTrue(Perplexity.evenlySpaced(9, 1).test(0));
        assertTrue(Perplexity.evenlySpaced(3, 5).test(2));
    }

    @Test
    void windowsFollowTheTokenizer() {
        try (LanguageModel model = Fixtures.openFable(1, null)) {
            int[] all = model.tokenizer().encode(Fixtures.testStories(), false, false);
            TokenWindows w = TokenWindows.of(model.tokenizer(), List.of(Fixtures.testStories()), 100, 0);
            assertEquals(all.length / 100, w.count());
            assertEquals(all[799], w.window(7)[99]);
            assertEquals(3, TokenWindows.of(model.tokenizer(), List.of(Fixtures.testStories()), 100, 3).count());
            GambitException e = assertThrows(
                    GambitException.class, () -> TokenWindows.of(model.tokenizer(), List.of("Too", " short."), 100, 0));
            assertTrue(e.getMessage().contains("at least 100 tokens"), e.getMessage());
        }
        assertEquals(9, TokenWindows.of(new int[] {1, 2, 3, 4}, 2, 0, 9).window(1)[0]);
    }
}
