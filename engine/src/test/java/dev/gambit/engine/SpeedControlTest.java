package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** The level that a wanted speed leads to, with machines whose speed is a function of the level. */
class SpeedControlTest {

    private long now = 1_000_000;

    /** Generates tokens at {@code speed(level)} tokens a second; returns the level behind each. */
    private List<Double> run(SpeedControl control, int tokens, DoubleUnaryOperator speed) {
        List<Double> levels = new ArrayList<>();
        for (int i = 0; i < tokens; i++) {
            now += (long) (1e9 / speed.applyAsDouble(control.level()));
            levels.add(control.token());
        }
        return levels;
    }

    private SpeedControl control(double target, double most) {
        return new SpeedControl(target, most, () -> now);
    }

    /** The share of what comes last that is at a level. */
    private static double share(List<Double> levels, int from, double low, double high) {
        List<Double> last = levels.subList(from, levels.size());
        return (double) last.stream().filter(l -> l >= low - 1e-9 && l <= high + 1e-9).count() / last.size();
    }

    @Test
    void findsTheLowestLevelThatIsFastEnough() {
        // 10 tokens/s dense, 20 at 0.5: 15 needs 0.25, and 0.97 of that 0.23
        SpeedControl control = control(15, 0.7);
        List<Double> levels = run(control, 600, l -> 10 * (1 + 2 * l));
        assertTrue(share(levels, 150, 0.25, 0.25) > 0.9, levels.toString());
        for (int i = 1; i < levels.size(); i++) {
            assertTrue(Math.abs(levels.get(i) - levels.get(i - 1)) < 0.051, "a step of more than one at " + i);
        }
    }

    @Test
    void staysDenseWhereThatIsFastEnough() {
        assertEquals(1, share(run(control(9, 0.7), 200, l -> 10 * (1 + l)), 0, 0, 0));
    }

    @Test
    void stopsAtTheHighestLevel() {
        List<Double> levels = run(control(100, 0.6), 400, l -> 10 * (1 + 2 * l));
        assertEquals(1, share(levels, 200, 0.6, 0.6), levels.toString());
    }

    /** Where skipping makes nothing faster, quality is not given away for nothing. */
    @Test
    void goesBackWhereSparserIsNoFaster() {
        List<Double> levels = run(control(20, 0.7), 2000, l -> 10);
        assertTrue(share(levels, 0, 0, 0.05) == 1, levels.toString());
        assertTrue(share(levels, 100, 0, 0) > 0.8, levels.toString());
        // and where it helps up to a point only, that point is found
        levels = run(control(20, 0.7), 2000, l -> 10 * (1 + Math.min(l, 0.3)));
        assertTrue(share(levels, 400, 0.3, 0.3) > 0.7, levels.toString());
    }

    @Test
    void followsAMachineWhoseSpeedChanges() {
        SpeedControl control = control(15, 0.7);
        run(control, 400, l -> 10 * (1 + 2 * l));
        assertEquals(0.25, control.level());
        List<Double> slower = run(control, 400, l -> 7.5 * (1 + 2 * l));
        assertTrue(share(slower, 200, 0.5, 0.5) > 0.8, slower.toString());
        List<Double> faster = run(control, 600, l -> 20 * (1 + 2 * l));
        assertTrue(share(faster, 400, 0, 0) > 0.9, faster.toString());
    }

    @Test
    void noiseDoesNotMakeItSwing() {
        SplittableRandom random = new SplittableRandom(1);
        List<Double> levels = run(control(15, 0.7), 3000, l -> 10 * (1 + 2 * l) * (0.9 + 0.2 * random.nextDouble()));
        assertTrue(share(levels, 300, 0.2, 0.3) > 0.95, levels.toString());
        int changes = 0;
        for (int i = 301; i < levels.size(); i++) {
            changes += levels.get(i).equals(levels.get(i - 1)) ? 0 : 1;
        }
        assertTrue(changes < 60, changes + " changes in 2700 tokens");
    }

    @Test
    void aPauseIsNotSlowness() {
        SpeedControl control = control(15, 0.7);
        run(control, 400, l -> 10 * (1 + 2 * l));
        now += 60_000_000_000L;
        control.pause();
        assertEquals(1, share(run(control, 100, l -> 10 * (1 + 2 * l)), 0, 0.25, 0.25));
    }

    @Test
    void drivesASession() {
        try (LanguageModel model = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU)
                .contextLength(128).sparsity(new Sparsity(null, null, 0.5)).build());
                Session session = model.session()) {
            // a second passes for each token, so that every level is too slow by far
            long[] clock = {0};
            SpeedControl control = new SpeedControl(1000, 0.2, () -> {
                clock[0] += (long) (1e9 / (1 + session.sparsity().level()));
                return clock[0];
            });
            int[] heard = {0};
            GenerationOptions options = GenerationOptions.builder().maxTokens(100).ignoreEndOfGeneration(true).build();
            session.generate("Once", options, control.listener(session, (token, text) -> heard[0]++));
            assertEquals(0.2, session.sparsity().level());
            assertTrue(heard[0] >= 100);
        }
    }

    @Test
    void nonsenseIsALine() {
        for (double wrong : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(GambitException.class, () -> new SpeedControl(wrong, 0.5));
        }
        assertThrows(GambitException.class, () -> new SpeedControl(1, 1));
    }
}
