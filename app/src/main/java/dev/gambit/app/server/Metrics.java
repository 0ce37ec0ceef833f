package dev.gambit.app.server;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** What {@code /metrics} tells Prometheus: llama.cpp's names with {@code gambit_} before them, and the sparsity. */
final class Metrics {

    private static final double SECOND = 1e9;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final LongAdder promptTokens = new LongAdder();
    private final LongAdder promptNanos = new LongAdder();
    private final LongAdder cachedTokens = new LongAdder();
    private final LongAdder predictedTokens = new LongAdder();
    private final LongAdder predictedNanos = new LongAdder();
    private final LongAdder decodes = new LongAdder();
    private final DoubleAdder bytesRead = new DoubleAdder();
    private final DoubleAdder bytesDense = new DoubleAdder();
    private final DoubleAdder active = new DoubleAdder();
    private final LongAdder generated = new LongAdder();
    private final LongAdder abandoned = new LongAdder();
    private final Timer firstToken = Timer.builder("gambit.time.to.first.token")
            .description("Time from a request's arrival to its first token, waiting included.")
            .serviceLevelObjectives(Duration.ofMillis(50), Duration.ofMillis(100), Duration.ofMillis(250),
                    Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofMillis(2500), Duration.ofSeconds(5),
                    Duration.ofSeconds(10), Duration.ofSeconds(30))
            .register(registry);
    private volatile long weightBytes;

    Metrics() {
        count("gambit.prompt.tokens", "Prompt tokens evaluated.", promptTokens, 1);
        count("gambit.prompt.seconds", "Time of evaluating prompts.", promptNanos, SECOND);
        count("gambit.prompt.cached.tokens", "Prompt tokens that were there already.", cachedTokens, 1);
        count("gambit.tokens.predicted", "Tokens generated.", predictedTokens, 1);
        count("gambit.tokens.predicted.seconds", "Time of generating tokens.", predictedNanos, SECOND);
        count("gambit.n.decode", "Evaluations of generated tokens.", decodes, 1);
        count("gambit.requests.abandoned", "Requests whose client went away.", abandoned, 1);
        FunctionCounter.builder("gambit.weight.bytes.read", bytesRead, DoubleAdder::sum)
                .description("Bytes of weights read to generate tokens.").register(registry);
        FunctionCounter.builder("gambit.weight.bytes.dense", bytesDense, DoubleAdder::sum)
                .description("Bytes of weights that would have been read without sparsity.").register(registry);
        gauge("gambit.prompt.tokens.seconds", "Prompt tokens a second, on average.",
                () -> ratio(promptTokens.sum() * SECOND, promptNanos.sum()));
        gauge("gambit.predicted.tokens.seconds", "Generated tokens a second of a request, on average.",
                () -> ratio(decodes.sum() * SECOND, predictedNanos.sum()));
        gauge("gambit.active.ratio", "Fraction of the layers' weights used to generate a token, on average.",
                () -> generated.sum() == 0 ? 1 : active.sum() / generated.sum());
        gauge("gambit.bytes.ratio", "Fraction of all weight bytes read to generate a token, on average.",
                () -> bytesDense.sum() == 0 ? 1 : bytesRead.sum() / bytesDense.sum());
    }

    private void count(String name, String description, LongAdder adder, double unit) {
        FunctionCounter.builder(name, adder, a -> a.sum() / unit).description(description).register(registry);
    }

    private void gauge(String name, String description, java.util.function.Supplier<Number> value) {
        Gauge.builder(name, value).description(description).register(registry);
    }

    private static double ratio(double a, double b) {
        return b == 0 ? 0 : a / b;
    }

    void model(LanguageModel model) {
        weightBytes = model.weightBytes();
    }

    void slots(Slots slots) {
        gauge("gambit.requests.processing", "Requests in a slot.", slots::busy);
        gauge("gambit.requests.deferred", "Requests that wait for a slot.", slots::waiting);
        gauge("gambit.slots", "Slots there are.", () -> slots.all().size());
    }

    /** Counts a text; {@code firstTokenNanos} is below 0 where it was not the request's first. */
    void generated(Text text, long firstTokenNanos) {
        Timings t = text.result().timings();
        SparsityReport sparsity = text.result().sparsity();
        promptTokens.add(t.promptTokens());
        promptNanos.add(t.promptNanos());
        cachedTokens.add(text.cached());
        predictedTokens.add(text.result().tokens().length);
        predictedNanos.add(t.generatedNanos());
        decodes.add(t.generatedTokens());
        double dense = (double) weightBytes * t.generatedTokens();
        bytesDense.add(dense);
        bytesRead.add(dense * sparsity.bytes());
        generated.add(t.generatedTokens());
        active.add(sparsity.active() * t.generatedTokens());
        if (firstTokenNanos >= 0) {
            firstToken.record(firstTokenNanos, TimeUnit.NANOSECONDS);
        }
    }

    void abandoned() {
        abandoned.increment();
    }

    /** Counts an answer. */
    void answered(String path, int status) {
        Counter.builder("gambit.http.requests").description("Requests answered.")
                .tag("path", path).tag("status", Integer.toString(status)).register(registry).increment();
    }

    String text() {
        return registry.scrape();
    }
}
