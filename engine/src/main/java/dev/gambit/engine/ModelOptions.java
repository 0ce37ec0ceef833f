package dev.gambit.engine;

import dev.gambit.bindings.CudaDrivers;
import dev.gambit.engine.sparsity.Thresholds;

/**
 * How to open a model; made by {@link #builder}. Immutable.
 *
 * @param contextLength positions a session has room for; 0 for what the model was trained on
 * @param threads worker threads; 0 for the processors this process may use
 * @param cacheTypeK how keys are kept
 * @param cacheTypeV how values are kept
 * @param sparsity what to skip; null for what an explicit {@code thresholds} says, or nothing
 * @param thresholds thresholds made by hand or by a policy of one's own, instead of {@code sparsity}; null for none
 * @param densePrefill whether prompts are evaluated without skipping; false as in the papers
 * @param backend what to run on
 * @param cudaDriver how CUDA is called: {@code ffm} or {@code jcuda}
 * @param loadListener hears how far loading onto a GPU has come; null for nobody
 */
public record ModelOptions(
        int contextLength,
        int threads,
        KvCacheType cacheTypeK,
        KvCacheType cacheTypeV,
        Sparsity sparsity,
        Thresholds thresholds,
        boolean densePrefill,
        BackendChoice backend,
        String cudaDriver,
        LoadListener loadListener) {

    /** Checks the ranges. */
    public ModelOptions {
        check("context length", contextLength, 0, 1 << 28);
        check("threads", threads, 0, 1024);
        if (!cudaDriver.equals("ffm") && !cudaDriver.equals("jcuda") && !CudaDrivers.names().contains(cudaDriver)) {
            throw new GambitException(
                    GambitException.line("CUDA driver", "ffm or jcuda", cudaDriver, "choose one of these"));
        }
    }

    private static void check(String what, int value, int min, int max) {
        if (value < min || value > max) {
            throw new GambitException(
                    GambitException.line(what, min + " to " + max, value, "choose a number in that range"));
        }
    }

    /** Returns a builder with the defaults: a GPU or else all processors, the model's context, an f16 cache, dense. */
    public static Builder builder() {
        return new Builder();
    }

    /** The defaults. */
    public static ModelOptions defaults() {
        return builder().build();
    }

    /** Makes {@link ModelOptions}. */
    public static final class Builder {
        private int contextLength;
        private int threads;
        private KvCacheType cacheTypeK = KvCacheType.F16;
        private KvCacheType cacheTypeV = KvCacheType.F16;
        private Sparsity sparsity;
        private Thresholds thresholds;
        private boolean densePrefill;
        private BackendChoice backend = BackendChoice.AUTO;
        private String cudaDriver = "ffm";
        private LoadListener loadListener;

        private Builder() {}

        /** Positions a session has room for; 0 for what the model was trained on. */
        public Builder contextLength(int positions) {
            contextLength = positions;
            return this;
        }

        /** Worker threads; 0 for the processors this process may use. */
        public Builder threads(int count) {
            threads = count;
            return this;
        }

        /** How keys and values are kept. */
        public Builder cacheType(KvCacheType keys, KvCacheType values) {
            cacheTypeK = keys;
            cacheTypeV = values;
            return this;
        }

        /** What to skip; null for nothing. */
        public Builder sparsity(Sparsity what) {
            sparsity = what;
            return this;
        }

        /** Thresholds of one's own making, instead of {@link #sparsity}. */
        public Builder thresholds(Thresholds own) {
            thresholds = own;
            return this;
        }

        /** Whether prompts are evaluated without skipping. */
        public Builder densePrefill(boolean dense) {
            densePrefill = dense;
            return this;
        }

        /** What to run on. */
        public Builder backend(BackendChoice choice) {
            backend = choice;
            return this;
        }

        /** How CUDA is called: {@code ffm} (Java's foreign functions) or {@code jcuda}. */
        public Builder cudaDriver(String name) {
            cudaDriver = name;
            return this;
        }

        /** Who hears how far loading onto a GPU has come; null for nobody. */
        public Builder loadListener(LoadListener listener) {
            loadListener = listener;
            return this;
        }

        /** Returns the options. */
        public ModelOptions build() {
            return new ModelOptions(
                    contextLength,
                    threads,
                    cacheTypeK,
                    cacheTypeV,
                    sparsity,
                    thresholds,
                    densePrefill,
                    backend,
                    cudaDriver,
                    loadListener);
        }
    }
}
