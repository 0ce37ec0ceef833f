package dev.gambit.calibration;

import dev.gambit.engine.sparsity.Site;
import java.util.List;

/**
 * A published way to choose thresholds: which sites are masked, by which magnitude, and what that magnitude weighs a
 * channel with. A channel of a site is kept iff {@code |v_i| > t_i} with {@code t_i = T(level) / u_i}, {@code T(level)} the
 * quantile at the level of {@code |v_i| · u_i} over the tokens and channels of a layer. To add a policy is to add a class
 * here and to {@link #all}: backends know thresholds only.
 */
public interface SparsityPolicy {

    /**
     * One site of a policy.
     *
     * @param site where channels are skipped
     * @param table the distribution of {@code |v_i| · u_i}
     * @param weight {@code u_i}; null where it is 1
     */
    record Rule(Site site, ActivationTable table, ChannelWeight weight) {

        /** Returns the line of a sidecar that says the same. */
        String line() {
            return site + " " + table.quantileName() + (weight == null ? "" : " " + weight.tensorName());
        }
    }

    /** Returns the name that {@code --policy} takes. */
    String name();

    /** Returns the sites it masks. */
    List<Rule> rules();

    /** Returns all policies in the order in which a sidecar lists them. */
    static List<SparsityPolicy> all() {
        return List.of(
                // without a suffix the better of the two importances is taken
                new Chess("chess", ChannelWeight.UP_RMS, false),
                new Chess("chess-attn", ChannelWeight.UP_RMS, true),
                new Chess("chess-abs", ChannelWeight.UP_ABS_MEAN, false),
                new Chess("chess-rms", ChannelWeight.UP_RMS, false),
                new Chess("chess-attn-abs", ChannelWeight.UP_ABS_MEAN, true),
                new Chess("chess-attn-rms", ChannelWeight.UP_RMS, true),
                new Cats(),
                new Teal(),
                new Wina("wina"),
                new Wina("r-sparse"));
    }
}
