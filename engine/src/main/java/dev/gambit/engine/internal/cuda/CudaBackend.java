package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaContext;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaException;
import dev.gambit.bindings.CudaOutOfMemoryException;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.MemoryInfo;
import dev.gambit.cuda.AttendStep;
import dev.gambit.cuda.AttentionShape;
import dev.gambit.cuda.KernelModules;
import dev.gambit.cuda.Pick;
import dev.gambit.cuda.PtxSet;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.model.Backend;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.KvCache;
import dev.gambit.engine.internal.model.Likeliest;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.util.Locale;
import java.util.function.Supplier;

/** Runs a model on an NVIDIA GPU: one position through {@link CudaDecode}, several through {@link CudaPrefill}. */
public final class CudaBackend implements Backend {

    /** A few positions one by one take no longer than turning all weights into half floats. */
    private static final int MIN_BATCH = 8;
    /** Activations, partial sums and what the driver needs for itself, besides weights and cache. */
    private static final long SPARE = 256L << 20;

    private final ModelConfig config;
    private final ModelOptions options;
    private final String source;
    private final Gpu gpu;
    private final CudaDriver driver;
    private CudaContext context;
    private DeviceArena arena;
    private CudaStream stream;
    private KernelModules kernels;
    private CudaWeights weights;
    private CudaDecode decode;
    private CudaPrefill prefill;
    private HostCopy host;
    private AttentionShape shape;
    /** What the weights were laid out for; null for dense. */
    private Thresholds layout;
    /** Whether the hidden states of the last batch are the prefill's. */
    private boolean batched;
    /** Why this model cannot go on; null while it can. */
    private volatile GambitException broken;

    /**
     * Copies a model's weights to the device.
     *
     * @param file the open model file
     * @param config its hyperparameters
     * @param thresholds which sites will be masked, which decides how weights are laid out; null for none
     * @param options cache types, driver, listener
     * @param contextLength the most positions of a session
     * @throws GambitException where there is no GPU that can run it; the message says why
     */
    public CudaBackend(
            GgufFile file, ModelConfig config, Thresholds thresholds, ModelOptions options, int contextLength) {
        this.config = config;
        this.options = options;
        source = file.metadata().source();
        checkShape(contextLength);
        try {
            gpu = Gpu.open(options.cudaDriver());
            driver = gpu.driver();
            context = driver.retainPrimaryContext(gpu.device());
        } catch (CudaException e) {
            throw new GambitException(e.getMessage(), e);
        }
        try {
            open(file, thresholds, contextLength);
        } catch (CudaException e) {
            release();
            throw new GambitException(e.getMessage() + "; or use --backend cpu", e);
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    private void checkShape(int contextLength) {
        int longest = Math.max(config.keyLength(), config.valueLength());
        if (longest > AttentionShape.MAX_LENGTH) {
            throw unsupported("heads of at most " + AttentionShape.MAX_LENGTH + " entries", longest);
        }
        if (contextLength > AttendStep.MAX_POSITIONS) {
            throw unsupported("a context of at most " + AttendStep.MAX_POSITIONS + " tokens (-c)", contextLength);
        }
    }

    private GambitException unsupported(String expected, Object found) {
        return new GambitException(
                GambitException.line(source + " with CUDA", expected, found, "use --backend cpu"));
    }

    private void open(GgufFile file, Thresholds thresholds, int contextLength) {
        shape = new AttentionShape(
                config.heads(),
                config.kvHeads(),
                config.keyLength(),
                config.valueLength(),
                config.ropeDimensions() / 2,
                options.cacheTypeK().ordinal(),
                options.cacheTypeV().ordinal());
        weights = new CudaWeights(
                file, config, thresholds, LayerLayouts.Rule.of(driver.memoryBandwidth(gpu.device())));
        checkMemory(contextLength);
        arena = new DeviceArena(driver);
        stream = driver.createStream();
        kernels = modules();
        weights.load(arena, driver, stream, kernels, options.loadListener(), gpu.readsInPlace());
        layout = thresholds;
        DeviceThresholds t = thresholds == null ? null : new DeviceThresholds(thresholds, driver, stream, arena);
        decode = new CudaDecode(gpu, kernels, stream, config, shape, weights, t, arena, contextLength);
        boolean exact = options.cacheTypeK() == KvCacheType.F32 && options.cacheTypeV() == KvCacheType.F32;
        host = new HostCopy(driver, stream, arena);
        prefill = new CudaPrefill(gpu, kernels, stream, config, shape, weights, t, arena, host, exact);
    }

    /** Loads the set that suits the device; {@code -Dgambit.cuda.ptx=compute_80} takes the one that all devices run. */
    private KernelModules modules() {
        String set = System.getProperty("gambit.cuda.ptx");
        if (set == null) {
            return new KernelModules(driver, gpu.device());
        }
        for (PtxSet s : PtxSet.values()) {
            if (s.folder().equals(set)) {
                return new KernelModules(driver, gpu.device(), s);
            }
        }
        throw new GambitException(GambitException.line(
                "gambit.cuda.ptx", "compute_80 or sm_90", set, "leave the property out or correct it"));
    }

    /** Refuses a model that does not fit before anything is copied. */
    private void checkMemory(int contextLength) {
        MemoryInfo memory = driver.memoryInfo();
        long cache = CudaKvCache.firstBytes(shape, config.layers(), contextLength);
        long needed = weights.plannedBytes() + weights.loadingBytes(gpu.readsInPlace()) + cache + SPARE;
        if (needed <= memory.free()) {
            return;
        }
        long room = memory.free() - weights.loadingBytes(gpu.readsInPlace()) - cache - SPARE;
        String fits = room > 0 ? "a file of up to " + bytes(room) + " of weights would fit"
                : "nothing of use would fit";
        throw new GambitException(GambitException.line(
                source + " on " + gpu.device().name(),
                bytes(needed) + " of GPU memory",
                bytes(memory.free()) + " free of " + bytes(memory.total()),
                fits + "; free some, take a smaller quantisation or use --backend cpu"));
    }

    private static String bytes(long n) {
        return n >= 1L << 30
                ? String.format(Locale.ROOT, "%.1f GiB", n / (double) (1L << 30))
                : String.format(Locale.ROOT, "%d MiB", n >> 20);
    }

    @Override
    public String name() {
        return "CUDA (" + gpu.device().name() + ", " + driver.name() + ")";
    }

    @Override
    public int maxBatch() {
        return CudaPrefill.MAX_BATCH;
    }

    @Override
    public int minBatch() {
        return MIN_BATCH;
    }

    /** Layouts and the place of thresholds on the device are for the sites that the model was opened with. */
    @Override
    public boolean canMask(Site site) {
        return layout != null && layout.uses(site);
    }

    @Override
    public String failure() {
        GambitException why = broken;
        return why == null ? null : why.getMessage();
    }

    @Override
    public int maxCandidates() {
        return Pick.MAX_CANDIDATES;
    }

    /** Runs something on the device; an error of CUDA's ends this model's usefulness, not the process's. */
    private <T> T run(Supplier<T> work) {
        if (broken != null) {
            throw new GambitException(broken.getMessage(), broken);
        }
        try {
            context.makeCurrent();
            return work.get();
        } catch (CudaOutOfMemoryException e) {
            throw new GambitException(
                    GambitException.line(
                            source + " on " + gpu.device().name(),
                            "GPU memory for " + bytes(e.bytes()) + " more",
                            bytes(driver.memoryInfo().free()) + " free",
                            "shorten the context (-c), take -ctk q8_0 -ctv q8_0 or use --backend cpu"),
                    e);
        } catch (CudaException e) {
            broken = new GambitException(
                    source + ": " + e.getMessage()
                            + "; this model cannot go on: open it anew, with --backend cpu if it "
                            + "happens again",
                    e);
            throw broken;
        }
    }

    private void run(Runnable work) {
        run(() -> {
            work.run();
            return null;
        });
    }

    @Override
    public KvCache newCache(int capacity, KvCacheType keys, KvCacheType values) {
        return run(() -> new CudaKvCache(context, driver, stream, shape, config.layers(), capacity));
    }

    @Override
    public void copy(KvCache from, KvCache to, int length) {
        run(() -> {
            decode.forgetAhead();
            to.copyFrom(from, length);
        });
    }

    @Override
    public void embed(Batch b) {
        batched = b.together();
        run(() -> {
            decode.forgetAhead();
            if (batched) {
                prefill.embed(b);
            } else {
                decode.evaluate(b); // the whole step: the others have nothing left to do
            }
        });
    }

    @Override
    public void qkv(int layer, Batch b) {
        if (batched) {
            run(() -> prefill.qkv(layer, b));
        }
    }

    @Override
    public void attend(int layer, Batch b) {
        if (batched) {
            run(() -> prefill.attend(layer, b));
        }
    }

    @Override
    public void output(int layer, Batch b) {
        if (batched) {
            run(() -> prefill.output(layer, b));
        }
    }

    @Override
    public void ffn(int layer, Batch b) {
        if (batched) {
            run(() -> prefill.ffn(layer, b));
        }
    }

    @Override
    public void logits(Batch b, int from, int count, float[] logits) {
        run(() -> {
            if (batched && count > 1) {
                prefill.logits(from, count, logits);
                return;
            }
            if (batched) {
                decode.logitsOf(prefill.hidden(from));
            }
            host.copy(decode.logits, 0, logits, 0, config.vocabulary());
        });
    }

    @Override
    public void step(Batch b, Likeliest next) {
        run(() -> decode.step(b, next));
    }

    @Override
    public long weightBytes() {
        return weights.layerBytes() + weights.headBytes();
    }

    private void release() {
        if (context != null) {
            context.close(); // closes all that was made in it, the newest first
        }
    }

    @Override
    public void close() {
        try {
            release();
        } catch (CudaException e) {
            // A context that failed cannot be released in order; the driver does it when the process ends.
            if (broken == null) {
                throw new GambitException(e.getMessage(), e);
            }
        }
    }
}
