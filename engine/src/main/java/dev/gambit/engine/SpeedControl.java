package dev.gambit.engine;

import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * Chooses a session's level of sparsity between tokens, so that it generates at least at a wanted speed and no sparser than
 * that takes. It looks at the speed over a few tokens at a time and moves by one small step at most: up where that was too
 * slow, down where it was clearly faster than wanted. In between nothing changes, and a level that turned out too slow, or no
 * faster than the one below, is not tried again for a while. Not for several threads at once.
 */
public final class SpeedControl {

    /** The sparsest level chosen unless told otherwise; beyond it texts suffer much, whatever the policy. */
    public static final double DEFAULT_MOST = 0.7;

    /** The distance of levels. */
    static final double STEP = 0.05;
    /** Tokens that are measured together. */
    static final int WINDOW = 8;
    /** Windows for which it is remembered how fast a level was. */
    static final int MEMORY = 12;

    /** Below this part of the target it is too slow, above the other clearly faster. */
    private static final double SLOW = 0.97;
    private static final double FAST = 1.12;
    /** A step up has to give at least this, or what it costs in quality buys nothing. */
    private static final double GAIN = 1.005;

    private final double target;
    private final LongSupplier clock;
    /** Tokens a second that a level gave, and in which window; 0 where it is not known. */
    private final double[] speeds;
    private final long[] seen;

    private int at;
    private long window;
    private int tokens = -1;
    private long start;

    /**
     * @param target tokens a second
     * @param most the sparsest level to choose
     */
    public SpeedControl(double target, double most) {
        this(target, most, System::nanoTime);
    }

    /**
     * @param clock the time in nanoseconds
     */
    SpeedControl(double target, double most, LongSupplier clock) {
        if (!(target > 0) || Double.isInfinite(target)) {
            throw new GambitException(GambitException.line(
                    "target speed", "tokens a second above 0", target, "choose another number"));
        }
        if (!(most >= 0 && most < 1)) {
            throw new GambitException(GambitException.line(
                    "highest level of sparsity", "a number from 0 to 0.95", most, "choose a level in that range"));
        }
        this.target = target;
        this.clock = clock;
        speeds = new double[(int) Math.floor(most / STEP + 1e-9) + 1];
        seen = new long[speeds.length];
    }

    /** Returns the level to run at now. */
    public double level() {
        return Math.round(at * STEP * 100) / 100.0;
    }

    /** Returns tokens a second that are wanted. */
    public double target() {
        return target;
    }

    /** Returns a listener that notes each token, sets the session's level for the next, and passes the token on. */
    public GenerationListener listener(Session session, GenerationListener next) {
        session.sparsity(level());
        pause();
        return (token, text) -> {
            next.token(token, text);
            double before = level();
            if (token() != before) {
                session.sparsity(level());
            }
        };
    }

    /** Says that the time until the next token does not count: a prompt comes first, or a user. */
    public void pause() {
        tokens = -1;
    }

    /** Notes that a token came; returns the level for the next one. */
    double token() {
        long now = clock.getAsLong();
        tokens++;
        if (tokens == 0) {
            start = now;
        } else if (tokens == WINDOW) {
            double speed = WINDOW * 1e9 / Math.max(1, now - start);
            int before = at;
            window++;
            note(speed);
            at = next();
            // The first token at another level does not count: its thresholds may have had to be made.
            tokens = at == before ? 0 : -1;
            start = now;
        }
        return level();
    }

    private void note(double speed) {
        speeds[at] = known(at) ? (speeds[at] + speed) / 2 : speed;
        seen[at] = window;
    }

    private boolean known(int level) {
        return speeds[level] > 0 && window - seen[level] <= MEMORY;
    }

    private int next() {
        double speed = speeds[at];
        if (speed < SLOW * target) {
            if (at > 0 && known(at - 1) && speed < GAIN * speeds[at - 1]) {
                return at - 1; // sparser and no faster
            }
            boolean vain = at + 1 < speeds.length && known(at + 1) && speeds[at + 1] < GAIN * speed;
            return vain || at + 1 == speeds.length ? at : at + 1;
        }
        if (speed > FAST * target && at > 0) {
            boolean tooSlow = known(at - 1) && speeds[at - 1] < SLOW * target;
            return tooSlow ? at : at - 1;
        }
        return at;
    }

    @Override
    public String toString() {
        return "level " + level() + " for " + target + " tokens/s, " + Arrays.toString(speeds);
    }
}
