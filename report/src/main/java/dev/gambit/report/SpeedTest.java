package dev.gambit.report;

import dev.gambit.calibration.KlDivergence;
import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.SparsityReport;
import java.util.Arrays;

/**
 * Generation's speed, dense and sparse in turn, on a text read token by token: a machine that others use slows both down
 * alike, so that their ratio can be trusted further than either.
 */
final class SpeedTest {

    /** Tokens a round, of each model. */
    static final int TOKENS = 48;
    /** Rounds that are timed. */
    static final int ROUNDS = 6;
    /** Rounds before, for the JIT compiler. */
    static final int WARM_UP = 2;

    private static final int PROMPT = 16;

    private SpeedTest() {}

    /** Returns the tokens of a text that it needs. */
    static int length() {
        return PROMPT + TOKENS;
    }

    /**
     * Times both.
     *
     * @param text at least {@link #length} tokens
     */
    static SweepPoint.Speed run(String policy, double level, LanguageModel dense, LanguageModel sparse, int[] text) {
        double[] ratios = new double[ROUNDS];
        double denseTime = 0;
        double sparseTime = 0;
        try (Session a = dense.session(); Session b = sparse.session()) {
            int[] prompt = Arrays.copyOf(text, PROMPT);
            a.evaluate(prompt);
            b.evaluate(prompt);
            for (int i = 0; i < WARM_UP; i++) {
                time(a, text);
                time(b, text);
            }
            b.resetReport();
            for (int i = 0; i < ROUNDS; i++) {
                double one = time(a, text);
                double other = time(b, text);
                denseTime += one;
                sparseTime += other;
                ratios[i] = one / other;
            }
            SparsityReport report = b.report();
            // the median, as somebody else's burst of work can spoil a round
            Estimate ratio = new Estimate(
                    KlDivergence.Result.quantile(ratios, 0.5), KlDivergence.Result.mean(ratios).error());
            return new SweepPoint.Speed(
                    policy, level, report.active(), report.bytes(), ROUNDS * TOKENS / denseTime, ROUNDS * TOKENS
                            / sparseTime, ratio);
        }
    }

    private static double time(Session session, int[] text) {
        session.truncate(PROMPT);
        int[] one = new int[1];
        long start = System.nanoTime();
        for (int i = 0; i < TOKENS; i++) {
            one[0] = text[PROMPT + i];
            session.likeliest(one);
        }
        return (System.nanoTime() - start) / 1e9;
    }
}
