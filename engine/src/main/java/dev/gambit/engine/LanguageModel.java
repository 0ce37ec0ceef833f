package dev.gambit.engine;

import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.internal.cpu.CpuBackend;
import dev.gambit.engine.internal.cpu.FirstSteps;
import dev.gambit.engine.internal.cuda.CudaBackend;
import dev.gambit.engine.internal.grammar.Automata;
import dev.gambit.engine.internal.grammar.ConstrainedText;
import dev.gambit.engine.internal.model.Backend;
import dev.gambit.engine.internal.model.Batch;
import dev.gambit.engine.internal.model.Decoder;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.internal.model.Step;
import dev.gambit.engine.internal.model.Turns;
import dev.gambit.engine.sparsity.Sidecar;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An open language model. Its weights lie off the heap until {@link #close}. Any number of {@linkplain #session sessions}
 * can use it, from any threads. On the CPU, tokens that several of them generate at the same time share one pass over the
 * weights; on a GPU they take turns. Either way a session's results do not depend on who else uses the model.
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.open(Path.of("model.gguf"));
 *         Session session = model.session()) {
 *     GenerationResult result = session.generate("Once upon a time", options, (token, text) -> System.out.print(text));
 * }
 * }</pre>
 */
public final class LanguageModel implements AutoCloseable {

    /** Thresholds kept: a level's take some kilobytes a layer, and a control loop moves among a few levels. */
    private static final int KEPT_THRESHOLDS = 32;

    private final GgufMetadata metadata;
    private final ModelInfo info;
    private final ModelConfig config;
    private final Tokenizer tokenizer;
    private final Automata automata;
    private final Backend backend;
    private final Decoder decoder;
    private final Thresholds thresholds;
    private final ModelOptions options;
    /** The thresholds' source; null where there is none. */
    private Sidecar sidecar;
    /** Thresholds made from the sidecar lately, so that sessions at the same level share them. */
    private final Map<Sparsity, Thresholds> made = new LinkedHashMap<>(16, 0.75f, true);
    private final List<Session> sessions = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    /** Who may use the backend; also guards {@link #sessions} and {@link #closed}. */
    private final Turns turns;

    private ChatTemplate chatTemplate;
    /** Why {@link BackendChoice#AUTO} chose as it did; null where it was not asked. */
    private String backendReason;
    private boolean closed;

    private LanguageModel(GgufFile file, ModelOptions options) {
        this.options = options;
        metadata = file.metadata();
        config = ModelConfig.of(file);
        info = ModelInfo.of(file);
        // The vocabulary takes as long as the weights do, and needs one processor.
        FutureTask<Tokenizer> vocabulary = new FutureTask<>(() -> Tokenizer.from(metadata));
        Thread.ofPlatform().name("gambit-vocabulary").daemon().start(vocabulary);
        checkCache("keys", options.cacheTypeK(), config.keyLength());
        checkCache("values", options.cacheTypeV(), config.valueLength());
        thresholds = thresholds(file, options);
        backend = backend(file);
        try {
            tokenizer = finished(vocabulary);
            if (tokenizer.vocabularySize() != config.vocabulary()) {
                throw new ModelFormatException(GambitException.line(
                        metadata.source() + ": tokenizer.ggml.tokens",
                        config.vocabulary() + " tokens, as token_embd.weight has rows",
                        tokenizer.vocabularySize(),
                        "the file is damaged"));
            }
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
        decoder = new Decoder(config, backend);
        automata = new Automata(tokenizer);
        turns = new Turns(backend.maxSequences(), this::pass);
    }

    /** Waits for a task; what it threw is thrown here. */
    private static <T> T finished(FutureTask<T> task) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException r -> throw r;
                case Error r -> throw r;
                default -> throw new IllegalStateException(e.getCause());
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Backend backend(GgufFile file) {
        if (options.backend() != BackendChoice.CPU) {
            try {
                if (config.activation() != ModelConfig.Activation.SILU) {
                    throw new GambitException(GambitException.line(
                            metadata.source() + ": activation on a GPU", ModelConfig.Activation.SILU,
                            config.activation(), "use --backend cpu"));
                }
                Backend cuda = new CudaBackend(file, config, thresholds, options, contextLength());
                backendReason = "there is a GPU with room for the model";
                return cuda;
            } catch (GambitException e) {
                if (options.backend() == BackendChoice.CUDA) {
                    throw new GambitException("--backend cuda: " + e.getMessage(), e);
                }
                backendReason = e.getMessage();
            }
        }
        int threads = options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
        return new CpuBackend(file, config, thresholds, threads);
    }

    private static void checkCache(String what, KvCacheType type, int headLength) {
        if (type == KvCacheType.Q8_0 && headLength % 32 != 0) {
            throw new GambitException(GambitException.line(
                    "a q8_0 cache of " + what, "heads of a multiple of 32 entries", headLength, "take f16 or f32"));
        }
    }

    private void checkThresholds(Thresholds t) {
        if (t.layers() != config.layers()) {
            throw new GambitException(GambitException.line(
                    "thresholds", config.layers() + " layers", t.layers(), "make them for this model"));
        }
        for (int l = 0; l < t.layers(); l++) {
            for (Site site : Site.values()) {
                float[] values = t.get(l, site);
                if (values != null && values.length != config.channels(site)) {
                    throw new GambitException(GambitException.line(
                            "thresholds of layer " + l + ", " + site,
                            config.channels(site) + " channels",
                            values.length,
                            "make them for this model"));
                }
            }
        }
    }

    private Thresholds thresholds(GgufFile file, ModelOptions o) {
        if (o.thresholds() != null) {
            checkThresholds(o.thresholds());
            return o.thresholds();
        }
        Sparsity s = o.sparsity();
        if (s == null) {
            return null;
        }
        if (s.sidecar() != null) {
            sidecar = Sidecar.open(s.sidecar(), file);
        } else if (Sidecar.isIn(file)) {
            sidecar = Sidecar.read(file, file);
        } else {
            throw new GambitException(GambitException.line(
                    metadata.source() + ": sparsity " + s.level(),
                    "thresholds",
                    "none in the file",
                    "name a sidecar with --chess, or make one with gambit calibrate"));
        }
        return thresholds(resolved(s));
    }

    /** Names the policy that a sparsity means, without the file. */
    private Sparsity resolved(Sparsity s) {
        return new Sparsity(null, s.policy() == null ? sidecar.defaultPolicy() : s.policy(), s.level());
    }

    private Thresholds thresholds(Sparsity resolved) {
        lock.lock();
        try {
            Thresholds t = made.get(resolved);
            if (t == null) {
                t = sidecar.thresholds(resolved.policy(), resolved.level());
                if (made.size() == KEPT_THRESHOLDS) {
                    made.remove(made.keySet().iterator().next());
                }
                made.put(resolved, t);
            }
            return t;
        } finally {
            lock.unlock();
        }
    }

    /** Returns the sparsity a session starts with, its policy named; null where it is dense or has thresholds of its own. */
    Sparsity initialSparsity() {
        return options.thresholds() != null || options.sparsity() == null ? null : resolved(options.sparsity());
    }

    /**
     * Checks what a session wants to run at, as {@link Session#sparsity(Sparsity)} would.
     *
     * @return the same, its policy named
     * @throws GambitException where the model was opened without a sidecar, or the sidecar or the weights' layout does not
     *     have it
     */
    public Sparsity checkedSparsity(Sparsity wanted) {
        if (sidecar == null) {
            throw new GambitException(GambitException.line(
                    metadata.source() + ": sparsity " + wanted.level() + " for a session",
                    "a model opened with thresholds from a sidecar",
                    "none",
                    "open it with ModelOptions.sparsity, or the command with --chess"));
        }
        if (wanted.sidecar() != null && !wanted.sidecar().equals(options.sparsity().sidecar())) {
            throw new GambitException(GambitException.line(
                    "a session's thresholds",
                    "the file that the model was opened with",
                    wanted.sidecar(),
                    "leave the file out"));
        }
        Sparsity s = resolved(wanted);
        Thresholds t = thresholds(s);
        for (Site site : Site.values()) {
            if (t.uses(site) && !backend.canMask(site)) {
                throw new GambitException(GambitException.line(
                        "policy " + s.policy() + " on " + backend.name(),
                        "sites that the weights were laid out for when the model was opened",
                        site,
                        "open the model with this policy, or choose one with fewer sites"));
            }
        }
        return s;
    }

    /**
     * Returns why this model cannot go on, in one line, after an error of its device that nothing but opening it anew can
     * cure; null while it works.
     */
    public String failure() {
        return backend.failure();
    }

    /** Returns the thresholds of a sparsity that {@link #checkedSparsity} gave. */
    Thresholds thresholdsOf(Sparsity checked) {
        return thresholds(checked);
    }

    /**
     * Loads and links what opening a first model on the CPU would wait for. A program that starts up with other things to
     * do can call this on a thread of its own; about a tenth of a second then overlaps. Nothing depends on it.
     */
    public static void prepare() {
        FirstSteps.prepare();
    }

    /** Opens a GGUF file with the default options: dense, all processors. */
    public static LanguageModel open(Path path) {
        return open(path, ModelOptions.defaults());
    }

    /**
     * Opens a GGUF file.
     *
     * @throws ModelFormatException where the file is damaged or of a kind that is not supported
     * @throws GambitException for anything else that is wrong with the file or the options
     */
    public static LanguageModel open(Path path, ModelOptions options) {
        // The weights are copied into the backend's own form, so the file is done with once the model is open.
        try (GgufFile file = GgufFile.open(path)) {
            return open(file, options);
        } catch (OutOfMemoryError e) {
            throw new GambitException(
                    GambitException.line(
                            path.toString(),
                            "memory for its weights",
                            String.valueOf(e.getMessage()),
                            "close other programs, raise -Xmx or take a smaller model"),
                    e);
        }
    }

    /**
     * Opens a model from a file that is open already, to decide on the options by what the file says. The caller closes
     * the file, which may be at once.
     *
     * @throws GambitException as {@link #open(Path, ModelOptions)}
     */
    public static LanguageModel open(GgufFile file, ModelOptions options) {
        return new LanguageModel(file, options);
    }

    /** Returns a new session with room for the context length chosen at opening. */
    public Session session() {
        int length = contextLength();
        enter();
        try {
            Session s = new Session(this, backend.newCache(length, options.cacheTypeK(), options.cacheTypeV()));
            sessions.add(s);
            return s;
        } finally {
            leave();
        }
    }

    /** Returns the tokenizer. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /**
     * Returns the model's own chat template.
     *
     * @throws GambitException where it has none
     */
    public ChatTemplate chatTemplate() {
        lock.lock();
        try {
            if (chatTemplate == null) {
                String source = metadata.string("tokenizer.chat_template", null);
                if (source == null) {
                    throw new GambitException(GambitException.line(
                            metadata.source() + ": tokenizer.chat_template",
                            "a template",
                            "none",
                            "this model is not made for chat; use generate"));
                }
                chatTemplate = ChatTemplate.of(source, text(tokenizer.bos()), text(tokenizer.eos()));
            }
            return chatTemplate;
        } finally {
            lock.unlock();
        }
    }

    private String text(int token) {
        return token < 0 ? "" : tokenizer.token(token);
    }

    /** Returns what kind of model it is, for reports. */
    public ModelInfo info() {
        return info;
    }

    /** Returns the positions a session has room for. */
    public int contextLength() {
        return options.contextLength() == 0 ? config.trainedContext() : options.contextLength();
    }

    /** Returns what runs the model, such as {@code CPU (vector-512, 2 threads)}. */
    public String backendName() {
        return backend.name();
    }

    /**
     * Returns why {@link BackendChoice#AUTO} chose this backend, in one line: why CUDA cannot be used, or that it can; null
     * where a backend was asked for.
     */
    public String backendReason() {
        return options.backend() == BackendChoice.AUTO ? backendReason : null;
    }

    /** Returns the bytes of weights a dense token reads. */
    public long weightBytes() {
        return backend.weightBytes();
    }

    /** Returns what holds the policies and levels that sessions can run at; null where the model was opened without. */
    public Sidecar sidecar() {
        return sidecar;
    }

    /** Returns the thresholds that sessions start with; null where they start dense. */
    public Thresholds thresholds() {
        return thresholds;
    }

    /** Begins a text under a constraint; null where there is none. */
    ConstrainedText begin(TextConstraint constraint) {
        return constraint == null ? null : automata.begin(constraint, constraint::language);
    }

    ModelOptions options() {
        return options;
    }

    ModelConfig config() {
        return config;
    }

    Backend backend() {
        return backend;
    }

    Decoder decoder() {
        return decoder;
    }

    Turns turns() {
        return turns;
    }

    /** Takes the model for a batch of one's own. */
    void enter() {
        turns.enter();
        if (closed) {
            turns.leave();
            throw closedException();
        }
    }

    void leave() {
        turns.leave();
    }

    /** Runs steps of different sessions: together where the backend can, else one after the other. */
    private void pass(List<Step> steps) {
        List<Step> runnable = steps.stream().filter(Step::isRunnable).toList();
        if (runnable.size() < 2 || backend.maxSequences() == 1) {
            runnable.forEach(this::alone);
            return;
        }
        try {
            backend.steps(
                    runnable.stream().map(Step::batch).toArray(Batch[]::new),
                    runnable.stream().map(Step::logits).toArray(float[][]::new));
        } catch (RuntimeException | Error e) {
            // Whose it was shows when each runs alone; what was written for a position is written again.
            runnable.forEach(this::alone);
        }
    }

    private void alone(Step s) {
        try {
            if (s.likeliest() != null) {
                backend.step(s.batch(), s.likeliest());
                return;
            }
            decoder.evaluate(s.batch());
            if (s.logits() != null) {
                backend.logits(s.batch(), 0, 1, s.logits());
            }
        } catch (RuntimeException | Error e) {
            s.fail(e);
        }
    }

    void forget(Session s) {
        sessions.remove(s);
    }

    void checkOpen() {
        if (closed) {
            throw closedException();
        }
    }

    private GambitException closedException() {
        return new GambitException(GambitException.line(
                metadata.source(), "an open model", "a closed one", "use it before LanguageModel.close()"));
    }

    /** Closes the model and its sessions; waits for a batch that is running. Closing twice is harmless. */
    @Override
    public void close() {
        turns.enter();
        try {
            if (!closed) {
                closed = true;
                for (Session s : List.copyOf(sessions)) {
                    s.release();
                }
                sessions.clear();
                backend.close();
            }
        } finally {
            turns.leave();
        }
    }
}
