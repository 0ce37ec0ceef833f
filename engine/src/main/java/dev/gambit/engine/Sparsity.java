package dev.gambit.engine;

import java.nio.file.Path;

/**
 * How sparsely to run a model: what calibration found, which policy, at which level.
 *
 * @param sidecar the file that {@code gambit calibrate} wrote; null for what the model file itself carries
 * @param policy a policy in that file; null for its default
 * @param level the nominal fraction of channels to skip, 0 to 0.95; 0 runs the sparse kernels and skips exact zeros only
 */
public record Sparsity(Path sidecar, String policy, double level) {

    /** Checks the level. */
    public Sparsity {
        if (!(level >= 0 && level < 1)) {
            throw new GambitException(
                    GambitException.line("sparsity", "a number from 0 to 0.95", level, "choose a level in that range"));
        }
    }

    /** The default policy of a sidecar at a level. */
    public static Sparsity of(Path sidecar, double level) {
        return new Sparsity(sidecar, null, level);
    }
}
