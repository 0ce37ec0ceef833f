package dev.gambit.app;

import dev.gambit.app.server.Defaults;
import dev.gambit.app.server.GambitServer;
import dev.gambit.app.server.ServerOptions;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves a model over HTTP. */
@Command(
        name = "serve",
        description = {
            "Serves a model over HTTP, by OpenAI's API and llama.cpp's own paths, with a page to try it.",
            "Ctrl-C or SIGTERM lets running requests come to their end first."
        },
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit serve -m MODEL [OPTION...]",
        addMethodSubcommands = false,
        sortOptions = false)
final class ServeCommand implements Callable<Integer> {

    private static final int MEBIBYTE = 1 << 20;
    private static final int SLOTS = 4;
    /** What llama-server rounds a slot's context up to. */
    private static final int CONTEXT_UNIT = 256;

    /** Held, because the level of a logger that nobody holds is forgotten. */
    private static final Logger JETTY = Logger.getLogger("org.eclipse.jetty");

    @Option(names = "--host", paramLabel = "ADDRESS", defaultValue = "127.0.0.1",
            description = "address to listen on; 0.0.0.0 for all (default: 127.0.0.1)")
    private String host;

    @Option(names = "--port", paramLabel = "N", defaultValue = "8080",
            description = "port to listen on; 0 for any (default: 8080)")
    private int port;

    @Option(names = "--api-key", paramLabel = "KEY",
            description = "key that clients have to show; several with commas between (default: none)")
    private String apiKey;

    @Option(names = "--api-key-file", paramLabel = "FILE", description = "a file with such keys, one a line")
    private Path apiKeyFile;

    @Option(names = {"-np", "--parallel"}, paramLabel = "N",
            description = "requests worked on at a time (default: 4, each with a context of -c tokens); "
                    + "if given, -c tokens are divided among so many, in multiples of 256")
    private Integer parallel;

    @Option(names = {"-a", "--alias"}, paramLabel = "NAME",
            description = "what to call the model (default: its file's name)")
    private String alias;

    @Option(names = {"-n", "--predict", "--n-predict"}, paramLabel = "N", defaultValue = "-1",
            description = "tokens of an answer whose request does not say (default: -1, until the model ends)")
    private int predict;

    @Option(names = "--queue", paramLabel = "N", defaultValue = "256",
            description = "requests that may wait; more are answered 429 (default: 256)")
    private int queue;

    @Option(names = {"-to", "--timeout"}, paramLabel = "SECONDS", defaultValue = "600",
            description = "time a request may take, waiting included (default: 600)")
    private int timeout;

    @Option(names = "--io-timeout", paramLabel = "SECONDS", defaultValue = "30",
            description = "time a client may stop sending or reading (default: 30)")
    private int ioTimeout;

    @Option(names = "--drain", paramLabel = "SECONDS", defaultValue = "20",
            description = "time that running requests have when the server is told to end (default: 20)")
    private int drain;

    @Option(names = "--max-body", paramLabel = "MIB", defaultValue = "16",
            description = "size of a request in MiB (default: 16)")
    private int maxBody;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    // on always, or without a meaning here
    @Option(names = {"--metrics", "--slots", "--props", "--jinja", "-cb", "--cont-batching", "--no-webui"},
            hidden = true)
    private boolean alwaysOn;

    @Mixin
    private SamplingMixin sampling;

    @Mixin
    private ModelOptionsMixin options;

    @Override
    public Integer call() throws InterruptedException {
        moreCarriers();
        quietLog();
        ServerOptions how = serverOptions();
        divideContext();
        CountDownLatch told = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        Thread hook = new Thread(() -> end(told, done), "gambit-shutdown");
        try (GambitServer server = GambitServer.start(how);
                HeapKeeper heap = new HeapKeeper()) {
            heap.start();
            System.err.println("gambit: " + server.url() + " answers; loading the model");
            Runtime.getRuntime().addShutdownHook(hook);
            try (LanguageModel model = options.openToWrite()) {
                ModelOptionsMixin.explainBackend(model, System.err);
                server.ready(model, new Defaults(
                        sampling.defaults(options.isEmbedded()), predict < 0 ? -1 : predict, options.level(),
                        options.policyName()));
                System.err.println("gambit: ready: " + model.info().name() + " on " + model.backendName() + ", "
                        + how.parallel() + " slots of " + model.contextLength() + " tokens, "
                        + (options.level() == null ? "dense" : "sparsity " + options.level()));
                told.await();
                System.err.println("gambit: shutting down");
                server.drain();
            }
            return 0;
        } finally {
            done.countDown();
        }
    }

    /** Requests run on virtual threads, which take turns on a thread for each processor; a model can hold one. */
    private static void moreCarriers() {
        String name = "jdk.virtualThreadScheduler.parallelism";
        if (System.getProperty(name) == null) {
            System.setProperty(name, Integer.toString(Math.max(4, Runtime.getRuntime().availableProcessors() + 2)));
        }
    }

    /** One line for each record; Jetty speaks only of what is wrong. A configuration of one's own goes before this. */
    private static void quietLog() {
        String name = "java.util.logging.SimpleFormatter.format";
        if (System.getProperty("java.util.logging.config.file") == null && System.getProperty(name) == null) {
            System.setProperty(name, "gambit: %1$tFT%1$tT.%1$tL %4$s %5$s%6$s%n");
            JETTY.setLevel(Level.WARNING);
        }
    }

    /** Runs when the process is told to end. A server that ended as it should ends with 0, not with the signal. */
    private static void end(CountDownLatch told, CountDownLatch done) {
        told.countDown();
        try {
            done.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(0);
    }

    private int slots() {
        return ModelOptionsMixin.range("-np/--parallel", parallel == null ? SLOTS : parallel, 1, 1024);
    }

    /** As llama-server does: what is asked for as a whole is shared out evenly, rounded up. */
    private void divideContext() {
        if (parallel != null && options.context > 0) {
            options.context = slotContext(options.context, slots());
        }
    }

    static int slotContext(int all, int slots) {
        int each = all / slots;
        return (int) Math.min(Integer.MAX_VALUE, (each + CONTEXT_UNIT - 1L) / CONTEXT_UNIT * CONTEXT_UNIT);
    }

    private ServerOptions serverOptions() {
        return new ServerOptions(
                host,
                ModelOptionsMixin.range("--port", port, 0, 65535),
                keys(),
                alias,
                slots(),
                ModelOptionsMixin.range("--queue", queue, 0, 1 << 20),
                ModelOptionsMixin.range("--max-body", maxBody, 1, 1024) * MEBIBYTE,
                Duration.ofSeconds(ModelOptionsMixin.range("-to/--timeout", timeout, 1, 1 << 20)),
                Duration.ofSeconds(ModelOptionsMixin.range("--io-timeout", ioTimeout, 1, 3600)),
                Duration.ofSeconds(ModelOptionsMixin.range("--drain", drain, 0, 3600)),
                predict,
                options.verbose());
    }

    private List<String> keys() {
        List<String> keys = new ArrayList<>();
        if (apiKey != null) {
            keys.addAll(List.of(apiKey.split(",")));
        }
        if (apiKeyFile != null) {
            keys.addAll(Prompts.read(apiKeyFile).lines().toList());
        }
        keys.replaceAll(String::strip);
        keys.removeIf(String::isEmpty);
        if (keys.isEmpty() && (apiKey != null || apiKeyFile != null)) {
            throw new GambitException(GambitException.line(
                    apiKey != null ? "--api-key" : "--api-key-file", "a key", "none",
                    "name one, or leave the option out to serve everybody"));
        }
        return keys;
    }
}
