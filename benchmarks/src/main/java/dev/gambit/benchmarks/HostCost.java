package dev.gambit.benchmarks;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * What decoding a token on a GPU costs the host: the time from one token to the next, less what of it the host waited for the
 * GPU. Greedy decoding launches a step before it waits for the one before, so that the host works beside the GPU; how often the
 * launch came in time, and no time was lost, is counted. In a second pass the GPU takes its own time of each step; what the
 * first pass took a token beyond it is what all else costs. Taken from the events that steps record for Java's flight recorder.
 *
 * <pre>java … dev.gambit.benchmarks.HostCost MODEL.gguf [TOKENS [ffm|jcuda]]</pre>
 */
public final class HostCost {

    /** Tokens that let Java compile what they run. */
    private static final int WARM = 4000;

    private HostCost() {}

    /**
     * Prints medians of greedy decoding and of decoding with a sampler.
     *
     * @param args the model, tokens that are measured (1000), how CUDA is called
     * @throws IOException if the recording cannot be written
     */
    public static void main(String[] args) throws IOException {
        if (args.length < 1 || args.length > 3) {
            System.err.println("usage: HostCost MODEL.gguf [TOKENS [ffm|jcuda]]");
            System.exit(2);
        }
        int tokens = args.length > 1 ? Integer.parseInt(args[1]) : 1000;
        ModelOptions options = ModelOptions.builder().backend(BackendChoice.CUDA)
                .cudaDriver(args.length > 2 ? args[2] : "ffm").build();
        try (LanguageModel model = LanguageModel.open(Path.of(args[0]), options)) {
            System.out.println(model.backendName()
                    + ", us a token: from token to token, of which the host waited, host");
            measure(model, "greedy", SamplingOptions.greedy(), tokens);
            measure(model, "top-k 40, top-p 0.95", SamplingOptions.builder().seed(1).build(), tokens);
        }
    }

    private static void measure(LanguageModel model, String how, SamplingOptions sampling, int tokens)
            throws IOException {
        for (int done = 0; done < WARM; done += 200) {
            generate(model, sampling, 200);
        }
        double period = steps(record(model, sampling, tokens, "dev.gambit.CudaStep"), how);
        double gpu = record(model, sampling, tokens, "dev.gambit.CudaStepTime").stream()
                .mapToDouble(e -> e.getDuration("gpu").toNanos() / 1e3).sorted().skip(tokens / 10).limit(tokens * 8L
                        / 10)
                .average().orElse(Double.NaN);
        System.out.printf(Locale.ROOT, "%-22s the GPU's own time %.1f, beside it %.1f%n", how, gpu, period - gpu);
    }

    /** Generates tokens and returns what was recorded. */
    private static List<RecordedEvent> record(LanguageModel model, SamplingOptions sampling, int tokens, String event)
            throws IOException {
        Path file = Files.createTempFile("gambit-host-cost", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable(event).withThreshold(Duration.ZERO);
            recording.start();
            for (int done = 0; done < tokens; done += 200) {
                generate(model, sampling, 200);
            }
            recording.stop();
            recording.dump(file);
            return RecordingFile.readAllEvents(file);
        } finally {
            Files.delete(file);
        }
    }

    private static void generate(LanguageModel model, SamplingOptions sampling, int tokens) {
        GenerationOptions options = GenerationOptions.builder().maxTokens(tokens).ignoreEndOfGeneration(true)
                .sampling(sampling).build();
        try (Session session = model.session()) {
            session.generate("Once upon a time", options, GenerationListener.NONE);
        }
    }

    /** Prints what steps took, and returns the mean time from token to token. */
    private static double steps(List<RecordedEvent> events, String how) {
        double[] periods = new double[1 << 16];
        double[] waits = new double[1 << 16];
        int n = 0;
        Instant before = null;
        int queued = 0;
        for (RecordedEvent e : events.stream()
                .sorted((a, b) -> a.getEndTime().compareTo(b.getEndTime())).toList()) {
            Instant end = e.getEndTime();
            double period = before == null ? 1e9 : Duration.between(before, end).toNanos() / 1e3;
            // longer ones have a prompt between them
            if (period < 2e3 && n < periods.length) {
                periods[n] = period;
                waits[n++] = e.getDuration("waited").toNanos() / 1e3;
                queued += e.getBoolean("queued") ? 1 : 0;
            }
            before = end;
        }
        double period = mean(periods, n);
        double waited = mean(waits, n);
        double[] host = new double[n];
        for (int i = 0; i < n; i++) {
            host[i] = periods[i] - waits[i];
        }
        Arrays.sort(host);
        System.out.printf(
                Locale.ROOT,
                "%-22s %d tokens: %.1f, %.1f, %.1f (median %.1f, 99 %% below %.1f), beside the GPU for %d of them%n",
                how, n, period,
                waited,
                period - waited, n == 0 ? 0 : host[n / 2], n == 0 ? 0 : host[n * 99 / 100], queued);
        return period;
    }

    private static double mean(double[] values, int n) {
        return Arrays.stream(values, 0, n).average().orElse(0);
    }
}
