package dev.gambit.engine.internal.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.SamplingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The sampler against a plain float64 implementation of the same steps, and against the laws they imply. */
class SamplerTest {

    /** One token with its logit and probability. */
    private record Candidate(int id, double logit, double probability) {}

    /** The chain as its definition reads: sort everything, cut, normalise. */
    private static List<Candidate> reference(float[] logits, List<Integer> history, SamplingOptions o) {
        double[] l = new double[logits.length];
        int from = o.repeatLastN() < 0 ? 0 : Math.max(0, history.size() - o.repeatLastN());
        List<Integer> last = history.subList(from, history.size());
        for (int i = 0; i < l.length; i++) {
            int id = i;
            long seen = last.stream().filter(t -> t == id).count();
            l[i] = logits[i];
            if (seen > 0) {
                l[i] = l[i] <= 0 ? l[i] * o.repeatPenalty() : l[i] / o.repeatPenalty();
                l[i] -= seen * o.frequencyPenalty() + o.presencePenalty();
            }
        }
        List<Candidate> all = new ArrayList<>();
        for (int i = 0; i < l.length; i++) {
            all.add(new Candidate(i, l[i], 0));
        }
        boolean sorts = o.topK() > 0 || o.topP() < 1;
        if (sorts) {
            all.sort((a, b) -> a.logit != b.logit ? Double.compare(b.logit, a.logit) : a.id - b.id);
        }
        if (o.topK() > 0) {
            all = all.subList(0, Math.min(o.topK(), all.size()));
        }
        if (o.topP() < 1) {
            List<Candidate> p = softmax(all, 1);
            double sum = 0;
            int kept = 0;
            while (kept < p.size()) {
                sum += p.get(kept++).probability;
                if (sum >= o.topP()) {
                    break;
                }
            }
            all = all.subList(0, kept);
        }
        if (o.minP() > 0) {
            double best = all.stream().mapToDouble(Candidate::logit).max().orElseThrow();
            all = all.stream().filter(c -> Math.exp(c.logit - best) >= o.minP()).toList();
        }
        return softmax(all, o.temperature());
    }

    private static List<Candidate> softmax(List<Candidate> candidates, double temperature) {
        double best = candidates.stream().mapToDouble(Candidate::logit).max().orElseThrow();
        double sum = candidates.stream().mapToDouble(c -> Math.exp((c.logit - best) / temperature)).sum();
        return candidates.stream()
                .map(c -> new Candidate(c.id, c.logit, Math.exp((c.logit - best) / temperature) / sum)).toList();
    }

    private static int draw(List<Candidate> candidates, double random) {
        double sum = 0;
        for (Candidate c : candidates) {
            sum += c.probability;
            if (sum > random) {
                return c.id;
            }
        }
        return candidates.get(candidates.size() - 1).id;
    }

    private static float[] logits(Random random, int length, double scale) {
        float[] logits = new float[length];
        for (int i = 0; i < length; i++) {
            logits[i] = (float) (random.nextGaussian() * scale);
        }
        return logits;
    }

    @Test
    void drawsAsTheReferenceDoesForEveryMixOfSteps() {
        Random random = new Random(1);
        SamplingOptions.Builder b = SamplingOptions.builder();
        int draws = 0;
        for (int trial = 0; trial < 150; trial++) {
            SamplingOptions o = b.seed(trial)
                    .temperature(new float[] {0.2f, 0.8f, 1, 3}[random.nextInt(4)])
                    .topK(new int[] {0, -1, 1, 2, 40, 300, 5000}[random.nextInt(7)])
                    .topP(new float[] {0, 0.3f, 0.95f, 0.9999f, 1}[random.nextInt(5)])
                    .minP(new float[] {0, 0.05f, 0.5f, 1}[random.nextInt(4)])
                    .repeatLastN(new int[] {-1, 0, 3, 20, 64}[random.nextInt(5)])
                    .repeatPenalty(new float[] {0.9f, 1, 1.3f}[random.nextInt(3)])
                    .frequencyPenalty(new float[] {0, 0.2f, -0.1f}[random.nextInt(3)])
                    .presencePenalty(new float[] {0, 0.5f}[random.nextInt(2)]).build();
            Sampler sampler = new Sampler(o);
            SplitMix64 numbers = new SplitMix64(trial);
            int length = new int[] {2, 17, 600, 3000}[random.nextInt(4)];
            List<Integer> history = new ArrayList<>();
            for (int step = 0; step < 30; step++) {
                float[] logits = logits(random, length, new double[] {0.1, 1, 4}[random.nextInt(3)]);
                float[] before = logits.clone();
                int expected = draw(reference(logits, history, o), numbers.nextDouble());
                assertEquals(expected, sampler.sample(logits), () -> o + " over " + length);
                assertArrayEquals(before, logits);
                int next = random.nextInt(Math.min(length, 10));
                history.add(next);
                sampler.accept(next);
                draws++;
            }
        }
        assertEquals(4_500, draws);
    }

    @Test
    void biasesComeBeforeEverythingElse() {
        float[] logits = {1, 5, 2, 4};
        Sampler banned = new Sampler(SamplingOptions.greedy().toBuilder()
                .logitBias(Map.of(1, Float.NEGATIVE_INFINITY, 2, 0.5f)).build());
        assertEquals(3, banned.sample(logits));
        assertEquals(0, banned.candidatesNeeded(), "a biased token may be none of the likeliest");
        assertArrayEquals(new float[] {1, 5, 2, 4}, logits);
        // llama.cpp's order: 4 + 2 is divided by the penalty, not 4 alone
        Sampler penalized = new Sampler(SamplingOptions.greedy().toBuilder().repeatPenalty(1.5f)
                .logitBias(Map.of(3, 2.25f)).build());
        penalized.accept(3);
        assertEquals(1, penalized.sample(logits));
        Sampler free = new Sampler(SamplingOptions.greedy().toBuilder().logitBias(Map.of(3, 2.25f)).build());
        assertEquals(3, free.sample(logits));
    }

    /** 100000 draws fall on each token as often as its probability says, at the 0.1 % level of the chi-square test. */
    @Test
    void drawsWithTheRightProbabilities() {
        float[] logits = {2.0f, 1.5f, -1, 0.3f, 0.3f, 1.9f, -4, 0, 1, 0.7f};
        // 99.9 % quantiles of chi-square for 1 to 9 degrees of freedom
        double[] critical = {10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88};
        for (SamplingOptions o : List.of(
                new SamplingOptions(1, 0, 1, 0, 0, 1, 0, 0, 42),
                new SamplingOptions(0.8f, 40, 0.95f, 0.05f, 64, 1, 0, 0, 43),
                new SamplingOptions(1.7f, 5, 1, 0, 0, 1, 0, 0, 44),
                new SamplingOptions(0.5f, 0, 0.6f, 0, 0, 1, 0, 0, 45),
                new SamplingOptions(2, 0, 1, 0.2f, 0, 1, 0, 0, 46))) {
            List<Candidate> expected = reference(logits, List.of(), o);
            Sampler sampler = new Sampler(o);
            int[] counts = new int[logits.length];
            for (int i = 0; i < 100_000; i++) {
                counts[sampler.sample(logits)]++;
            }
            double chiSquare = 0;
            int inside = 0;
            for (Candidate c : expected) {
                double mean = c.probability * 100_000;
                chiSquare += (counts[c.id] - mean) * (counts[c.id] - mean) / mean;
                inside += counts[c.id];
            }
            assertEquals(100_000, inside, "a token that should have been cut was drawn");
            assertTrue(expected.size() > 1);
            assertTrue(chiSquare < critical[expected.size() - 2], o + ": " + chiSquare);
        }
    }

    @Test
    void takesTheLikeliestWhenGreedyOrWhenOneIsLeft() {
        Random random = new Random(2);
        Sampler greedy = new Sampler(SamplingOptions.greedy());
        Sampler negative = new Sampler(SamplingOptions.builder().temperature(-1).build());
        Sampler top1 = new Sampler(SamplingOptions.builder().topK(1).temperature(5).build());
        Sampler topP0 = new Sampler(SamplingOptions.builder().topK(0).topP(0).temperature(5).build());
        Sampler minP1 = new Sampler(SamplingOptions.builder().topK(0).topP(1).minP(1).temperature(5).build());
        Sampler cold = new Sampler(SamplingOptions.builder().temperature(1e-30f).build());
        for (int trial = 0; trial < 200; trial++) {
            float[] logits = logits(random, 1 + random.nextInt(2000), 3);
            int best = 0;
            for (int i = 1; i < logits.length; i++) {
                best = logits[i] > logits[best] ? i : best;
            }
            for (Sampler sampler : List.of(greedy, negative, top1, topP0, minP1, cold)) {
                assertEquals(best, sampler.sample(logits));
            }
        }
    }

    @Test
    void breaksTiesByTheLowestId() {
        float[] logits = {0, 3, 1, 3, 3, -0.0f};
        assertEquals(1, new Sampler(SamplingOptions.greedy()).sample(logits));
        assertEquals(1, new Sampler(SamplingOptions.builder().topK(1).build()).sample(logits));
        Sampler two = new Sampler(SamplingOptions.builder().topK(2).topP(1).minP(0).seed(3).build());
        for (int i = 0; i < 100; i++) {
            int token = two.sample(logits);
            assertTrue(token == 1 || token == 3);
        }
        assertEquals(0, new Sampler(SamplingOptions.greedy()).sample(new float[] {-0.0f, 0.0f}));
        assertEquals(0, new Sampler(SamplingOptions.builder().topK(1).build()).sample(new float[] {-0.0f, 0.0f}));
    }

    @Test
    void penalizesWhatWasSeen() {
        Sampler sampler = new Sampler(SamplingOptions.greedy().toBuilder().repeatPenalty(2).repeatLastN(2).build());
        float[] logits = {4, 3, -1};
        assertEquals(0, sampler.sample(logits));
        sampler.accept(0);
        assertEquals(1, sampler.sample(logits), "4 / 2 is below 3");
        sampler.accept(2);
        sampler.accept(2);
        assertEquals(0, sampler.sample(logits), "the first token has left the window of two");
        float[] negative = {-1, -1.5f, -9};
        sampler.reset();
        sampler.accept(0);
        assertEquals(1, sampler.sample(negative), "-1 * 2 is below -1.5");
        sampler.reset();
        assertEquals(0, sampler.sample(negative));
        Sampler presence = new Sampler(SamplingOptions.greedy().toBuilder().presencePenalty(1.5f).build());
        presence.accept(0);
        presence.accept(0);
        assertEquals(0, presence.sample(new float[] {2, 0.4f}), "2 - 1.5, however often");
        Sampler frequency = new Sampler(SamplingOptions.greedy().toBuilder().frequencyPenalty(1).build());
        frequency.accept(0);
        assertEquals(0, frequency.sample(new float[] {2, 0.4f}));
        frequency.accept(0);
        assertEquals(1, frequency.sample(new float[] {2, 0.4f}), "2 - 2 * 1");
    }

    @Test
    void ignoresTokensOutsideTheVocabulary() {
        Sampler sampler = new Sampler(SamplingOptions.greedy().toBuilder().repeatPenalty(2).repeatLastN(-1).build());
        for (int token : new int[] {-1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            sampler.accept(token);
        }
        assertEquals(2, sampler.sample(new float[] {1, 2, 3}));
    }

    @Test
    void repeatsItselfForTheSameSeedOnly() {
        float[] logits = logits(new Random(5), 1000, 2);
        assertEquals(run(7, logits), run(7, logits));
        assertNotEquals(run(7, logits), run(8, logits));
        Sampler sampler = new Sampler(SamplingOptions.builder().seed(7).build());
        List<Integer> first = run(sampler, logits);
        sampler.reset();
        assertEquals(first, run(sampler, logits));
        assertNotEquals(first, run(sampler, logits));
        Sampler one = new Sampler(SamplingOptions.defaults());
        assertTrue(one.seed() >= 0 && one.seed() <= 0xffffffffL);
        assertEquals(run(one.seed(), logits), run(one, logits));
        assertNotEquals(one.seed(), new Sampler(SamplingOptions.defaults()).seed());
    }

    private static List<Integer> run(long seed, float[] logits) {
        return run(new Sampler(SamplingOptions.builder().seed(seed).build()), logits);
    }

    private static List<Integer> run(Sampler sampler, float[] logits) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            tokens.add(sampler.sample(logits));
        }
        return tokens;
    }

    /** The first outputs for seed 1234567 as published with the algorithm's other implementations. */
    @Test
    void drawsSplitMix64Numbers() {
        SplitMix64 random = new SplitMix64(1234567);
        for (String expected : List.of("6457827717110365317", "3203168211198807973", "9817491932198370423",
                "4593380528125082431", "16408922859458223821")) {
            assertEquals(expected, Long.toUnsignedString(random.nextLong()));
        }
    }

    @Test
    void leavesOutImpossibleTokensAndRefusesBrokenLogits() {
        float nan = Float.NaN;
        float none = Float.NEGATIVE_INFINITY;
        for (SamplingOptions o : List.of(SamplingOptions.greedy(), SamplingOptions.defaults(),
                SamplingOptions.builder().topK(0).build(), SamplingOptions.builder().topK(0).topP(1).minP(0).build(),
                SamplingOptions.builder().topK(5000).build(),
                SamplingOptions.builder().repeatPenalty(1.5f).build())) {
            Sampler sampler = new Sampler(o);
            assertEquals(2, sampler.sample(new float[] {nan, none, -3, none, nan}));
            for (float[] logits : List.of(new float[0], new float[] {nan, nan}, new float[] {none},
                    new float[] {1, Float.POSITIVE_INFINITY})) {
                assertThrows(GambitException.class, () -> sampler.sample(logits));
            }
        }
    }
}
