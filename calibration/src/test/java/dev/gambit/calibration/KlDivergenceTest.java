package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The two steps through a file, against the definitions in float64. */
class KlDivergenceTest {

    /** Odd: rows of the file are padded. */
    private static final int VOCABULARY = 37;
    private static final int WINDOW = 8;
    private static final int ROWS = 3;

    @TempDir
    private Path folder;

    private static TokenWindows windows(int count) {
        int[] tokens = new int[count * WINDOW];
        Arrays.setAll(tokens, i -> i * 7 % VOCABULARY);
        return TokenWindows.of(tokens, WINDOW, 0, -1);
    }

    private static float[] logits(long seed, double spread) {
        Random random = new Random(seed);
        float[] x = new float[VOCABULARY];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) (spread * random.nextGaussian());
        }
        return x;
    }

    /** Log-probabilities by the definition. */
    private static double[] logProbabilities(float[] logits) {
        double sum = 0;
        for (float x : logits) {
            sum += Math.exp(x);
        }
        double log = Math.log(sum);
        double[] p = new double[logits.length];
        Arrays.setAll(p, i -> logits[i] - log);
        return p;
    }

    private Path write(int count, double spread) {
        Path target = folder.resolve("base.kld");
        try (LogitsFile file = LogitsFile.create(target, windows(count), VOCABULARY)) {
            for (int w = 0; w < count; w++) {
                for (int r = 0; r < ROWS; r++) {
                    float[] x = logits(10 * w + r, spread);
                    file.put(r, x, 0, LogSoftmax.logSumExp(x, 0, VOCABULARY));
                }
                file.endWindow();
            }
        }
        return target;
    }

    @Test
    void divergenceThroughTheFileIsTheDefinition() {
        for (double spread : new double[] {0, 0.5, 2, 6}) {
            try (LogitsFile file = LogitsFile.open(write(4, spread), VOCABULARY)) {
                TokenWindows text = file.windows(0, -1);
                assertEquals(4, text.count());
                float[] base = new float[VOCABULARY];
                for (int w = 0; w < 4; w++) {
                    assertEquals(windows(4).window(w)[5], text.window(w)[5]);
                    file.nextWindow();
                    for (int r = 0; r < ROWS; r++) {
                        file.get(r, base);
                        float[] own = logits(10 * w + r, spread);
                        float[] other = logits(99, 1.5);
                        double[] p = logProbabilities(own);
                        double[] q = logProbabilities(other);
                        double kl = 0;
                        for (int i = 0; i < VOCABULARY; i++) {
                            kl += Math.exp(p[i]) * (p[i] - q[i]);
                            if (p[i] > -15) {
                                // 16 nats in 65,535 steps: half of one, and the offset's share of it
                                assertEquals(p[i], base[i], 3e-4, "row " + r + ", token " + i);
                            }
                        }
                        double logSum = LogSoftmax.logSumExp(other, 0, VOCABULARY);
                        assertEquals(kl, KlDivergence.divergence(base, other, 0, logSum, VOCABULARY), 3e-4 + 1e-4 * kl);
                        logSum = LogSoftmax.logSumExp(own, 0, VOCABULARY);
                        assertEquals(0, KlDivergence.divergence(base, own, 0, logSum, VOCABULARY), 3e-6);
                    }
                }
            }
        }
    }

    private static Thresholds some() {
        Thresholds t = new Thresholds(8);
        for (int l = 0; l < 8; l++) {
            float[] values = new float[768];
            Arrays.fill(values, 0.15f);
            t.set(l, Site.FFN_ACT, values);
        }
        return t;
    }

    @Test
    void twoStepsGiveWhatOneStepGives() {
        Path kept = folder.resolve("fable.kld");
        try (LanguageModel dense = Fixtures.openFable(0, null);
                LanguageModel sparse = Fixtures.openFable(0, some());
                Perplexity perplexity = new Perplexity(2)) {
            TokenWindows windows = Fixtures.windows(dense, 0, 2);
            int vocabulary = dense.tokenizer().vocabularySize();
            Perplexity.Result plain = perplexity.evaluate(dense, windows, (chunk, chunks, p) -> {});
            try (LogitsFile file = LogitsFile.create(kept, windows, vocabulary)) {
                assertEquals(plain.perplexity(), perplexity.evaluate(dense, windows, file, (c, n, p) -> {})
                        .perplexity());
            }
            Perplexity.Comparison c = perplexity.compare(dense, sparse, windows, w -> true, (chunk, chunks, p) -> {});
            KlDivergence.Result r = compare(sparse, kept, vocabulary);
            assertEquals(2 * 63, r.tokens());
            assertEquals(c.sparse().perplexity().mean(), r.perplexity().mean(), 1e-9);
            assertEquals(c.sparse().perplexity().error(), r.perplexity().error(), 1e-9);
            assertEquals(c.dense().perplexity().mean(), r.basePerplexity().mean(), 1e-3);
            assertEquals(c.divergence().mean(), r.divergence().mean(), 1e-4);
            assertEquals(c.divergence().error(), r.divergence().error(), 1e-4);
            assertEquals(c.logRatio().mean(), r.logRatio().mean(), 1e-4);
            assertEquals(c.logRatio().error(), r.logRatio().error(), 1e-4);
            assertEquals(c.sameTop().mean(), r.sameTopShare().mean(), 1.0 / 126 + 1e-9);
            assertTrue(r.divergence().mean() > 0.001 && r.correlation() < 0.9999, "KL " + r.divergence());
            assertTrue(r.rmsProbabilityDifference().mean() > 0.001 && r.sparsity().active() < 0.95);

            KlDivergence.Result self = compare(dense, kept, vocabulary);
            assertEquals(0, self.divergence().mean(), 5e-7);
            assertEquals(0, self.logRatio().mean(), 1e-4);
            assertEquals(1, self.sameTopShare().mean());
        }
    }

    /** Both models' logits of the second half of a window, {@code [rows][vocabulary]}. */
    private static double[][] plain(LanguageModel model, int[] window) {
        double[][] rows = new double[window.length][];
        int vocabulary = model.tokenizer().vocabularySize();
        try (Session session = model.session()) {
            session.evaluate(window, 0, (first, count, logits) -> {
                for (int r = 0; r < count; r++) {
                    rows[first + r] = logProbabilities(Arrays.copyOfRange(logits, r * vocabulary, (r + 1)
                            * vocabulary));
                }
            });
        }
        return Arrays.copyOfRange(rows, window.length / 2, window.length - 1);
    }

    private static int likeliest(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }

    @Test
    void whatIsPrintedIsTheDefinitionInFloat64() {
        Path kept = folder.resolve("fable.kld");
        try (LanguageModel dense = Fixtures.openFable(0, null);
                LanguageModel sparse = Fixtures.openFable(0, some());
                Perplexity perplexity = new Perplexity(2)) {
            TokenWindows windows = Fixtures.windows(dense, 0, 2);
            int vocabulary = dense.tokenizer().vocabularySize();
            try (LogitsFile file = LogitsFile.create(kept, windows, vocabulary)) {
                perplexity.evaluate(dense, windows, file, (c, n, p) -> {});
            }
            KlDivergence.Result r = compare(sparse, kept, vocabulary);
            double sum = 0;
            double squares = 0;
            double largest = 0;
            int same = 0;
            int n = 0;
            for (int w = 0; w < 2; w++) {
                double[][] p = plain(dense, windows.window(w));
                double[][] q = plain(sparse, windows.window(w));
                for (int row = 0; row < p.length; row++) {
                    double kl = 0;
                    for (int i = 0; i < vocabulary; i++) {
                        kl += Math.exp(p[row][i]) * (p[row][i] - q[row][i]);
                    }
                    sum += kl;
                    squares += kl * kl;
                    largest = Math.max(largest, kl);
                    same += likeliest(p[row]) == likeliest(q[row]) ? 1 : 0;
                    assertEquals(kl, r.divergences()[n++], 3e-4 + 3e-3 * kl, "token " + n);
                }
            }
            assertEquals(n, r.tokens());
            double mean = sum / n;
            assertEquals(mean, r.divergence().mean(), 1e-4 + 1e-3 * mean);
            double error = Math.sqrt((squares / n - mean * mean) / (n - 1));
            assertEquals(error, r.divergence().error(), 1e-4 + 1e-2 * error);
            assertEquals(largest, KlDivergence.Result.quantile(r.divergences(), 1), 3e-4 + 3e-3 * largest);
            double share = (double) same / n;
            assertEquals(share, r.sameTopShare().mean(), 1.0 / n + 1e-9);
            assertEquals(Math.sqrt(share * (1 - share) / (n - 1)), r.sameTopShare().error(), 0.01);
        }
    }

    private static KlDivergence.Result compare(LanguageModel model, Path kept, int vocabulary) {
        try (LogitsFile file = LogitsFile.open(kept, vocabulary)) {
            int[] last = new int[2];
            KlDivergence.Result r = KlDivergence.compare(model, file, file.windows(0, -1), 3, (chunk, chunks,
                    sofar) -> {
                last[0] = chunk;
                last[1] = sofar.tokens();
            });
            assertEquals(2, last[0]);
            assertEquals(r.tokens(), last[1]);
            return r;
        }
    }

    @Test
    void quantilesAndErrorsAreThoseOfLlamaPerplexity() {
        double[] x = {4, 1, 3, 2};
        assertEquals(2.5, KlDivergence.Result.quantile(x, 0.5));
        assertEquals(1, KlDivergence.Result.quantile(x, 0));
        assertEquals(4, KlDivergence.Result.quantile(x, 1));
        assertEquals(3.97, KlDivergence.Result.quantile(x, 0.99), 1e-12);
        assertEquals(new Perplexity.Estimate(2.5, Math.sqrt(1.25 / 3)), KlDivergence.Result.mean(x));
    }

    private String refused(byte[] bytes, int vocabulary) throws IOException {
        Path file = Files.write(folder.resolve("bad.kld"), bytes);
        String line = assertThrows(GambitException.class, () -> LogitsFile.open(file, vocabulary)).getMessage();
        assertTrue(line.startsWith(file + ": expected ") && line.lines().count() == 1, line);
        return line;
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        byte[] good = Files.readAllBytes(write(2, 1));
        assertTrue(refused(good, VOCABULARY + 1).contains("38 tokens in the vocabulary"));
        assertTrue(refused(new byte[0], VOCABULARY).contains("0 bytes"));
        assertTrue(refused("_logits?".repeat(9).getBytes(), VOCABULARY).contains("_logits_"));
        assertTrue(refused(Arrays.copyOf(good, good.length - 1), VOCABULARY).contains("it was cut"));
        for (int[] change : new int[][] {{8, -1}, {8, 1 << 30}, {16, 0}, {16, -5}, {20, VOCABULARY}, {24, -1}}) {
            byte[] bad = good.clone();
            ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putInt(change[0], change[1]);
            refused(bad, VOCABULARY);
        }
        Path none = folder.resolve("none.kld");
        String line = assertThrows(GambitException.class, () -> LogitsFile.windowSize(none)).getMessage();
        assertTrue(line.contains("found none; write it first"), line);
    }

    /** What was interrupted is not left behind in the place of what is whole. */
    @Test
    void onlyWholeFilesTakeTheirPlace() throws IOException {
        Path target = write(1, 1);
        byte[] before = Files.readAllBytes(target);
        try (LogitsFile file = LogitsFile.create(target, windows(2), VOCABULARY)) {
            file.endWindow();
        }
        assertEquals(before.length, Files.size(target));
        assertFalse(Files.exists(folder.resolve("base.kld.part")));
        assertEquals(WINDOW, LogitsFile.windowSize(target));
    }
}
