package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.gguf.GgufFile;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code calibrate}, and {@code perplexity} with what it wrote. */
class CalibrateCommandTest {

    @TempDir
    private Path folder;

    private Path model;
    private Path text;

    @BeforeEach
    void files() throws Exception {
        model = folder.resolve("fable.gguf");
        try (InputStream in = LanguageModel.class.getResourceAsStream("fable-7m-q8_0.gguf")) {
            Files.copy(in, model);
        }
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            lines.append("{\"text\": \"Once upon a time, there was a fox who had ").append(i).append(
                    " red apples.\\n\"}\n");
        }
        text = Files.writeString(folder.resolve("text.jsonl"), lines);
    }

    private String message;

    /** Runs a command and returns what it printed; leaves what it threw in {@link #message}. */
    private String run(Callable<Integer> command, Object... args) {
        String[] strings = new String[args.length];
        for (int i = 0; i < args.length; i++) {
            strings[i] = args[i].toString();
        }
        message = null;
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            new CommandLine(command)
                    .setCaseInsensitiveEnumValuesAllowed(true)
                    .setExecutionExceptionHandler((e, line, result) -> {
                        message = e.getMessage();
                        return 1;
                    })
                    .execute(strings);
        } finally {
            System.setOut(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static double number(String pattern, String output) {
        Matcher m = Pattern.compile(pattern, Pattern.MULTILINE).matcher(output);
        assertTrue(m.find(), pattern + " in " + output);
        return Double.parseDouble(m.group(1));
    }

    @Test
    void calibratesMergesAndMeasures() throws Exception {
        Path sidecar = folder.resolve("a.gguf");
        Path stats = folder.resolve("a.stats");
        String out = run(
                new CalibrateCommand(), "-m", model, "-f", text, "-c", 64, "--chunks", 4, "-o", sidecar, "--stats",
                stats,
                "--progress", "none");
        assertTrue(out.contains("8 layers, 4 chunks of 64 tokens"), out + message);
        assertTrue(out.contains("wrote " + sidecar) && out.contains("wrote " + stats), out);

        Path again = folder.resolve("b.gguf");
        run(new CalibrateCommand(), "--in-stats", stats, "-o", again);
        assertArrayEquals(Files.readAllBytes(sidecar), Files.readAllBytes(again));
        out = run(new CalibrateCommand(), "--in-stats", stats, "--in-stats", stats, "-o", again);
        assertTrue(out.contains("8 chunks"), out + message);

        out = run(
                new PerplexityCommand(), "-m", model, "-f", text, "-c", 64, "--chunks", 3, "--chess", sidecar,
                "--sparsity", 0.5, "--policy", "cats", "--kl", "--kl-chunks", 2);
        assertTrue(Pattern.compile("^\\[1\\]\\d+\\.\\d{4},\\[2\\]\\d+\\.\\d{4},\\[3\\]\\d+\\.\\d{4},$",
                Pattern.MULTILINE)
                .matcher(out).find(), out + message);
        double ppl = number("^Final estimate: PPL = (\\d+\\.\\d{4}) \\+/- \\d+\\.\\d{5}$", out);
        double active = number("^active (0\\.\\d+), skipped FFN_ACT 0\\.\\d{4}$", out);
        double kl = number("^Mean KLD +: +(\\d\\.\\d{6}) ± +\\d\\.\\d{6}$", out);
        double same = number("^Same top p +: +(\\d+\\.\\d{3}) ± +\\d+\\.\\d{3} %$", out);
        assertTrue(ppl > 1 && ppl < 1000 && kl > 0 && kl < 5 && same > 30 && same <= 100, out);
        assertEquals(0.8, active, 0.1, out);
    }

    @Test
    void searchesABudgetAndRunsWithIt() {
        Path sidecar = folder.resolve("b.gguf");
        String out = run(
                new CalibrateCommand(), "-m", model, "-f", text, "-c", 32, "--chunks", 12, "-o", sidecar, "--budget",
                "0.6,0.8", "--progress", "none");
        assertEquals(0.6, number("^0\\.60 +(0\\.\\d{3}) +\\d\\.\\d{4}$", out), 0.05, out + message);
        out = run(
                new PerplexityCommand(), "-m", model, "-f", text, "-c", 32, "--chunks", 4, "--chess", sidecar,
                "--budget",
                0.6);
        assertEquals(0.6, number("^active (0\\.\\d+), skipped Q_IN ", out), 0.05, out + message);
        assertTrue(java.nio.file.Files.notExists(folder.resolve("b.gguf.search")));
    }

    private Path sidecar() {
        Path sidecar = folder.resolve("s.gguf");
        run(new CalibrateCommand(), "-m", model, "-f", text, "-c", 64, "--chunks", 2, "-o", sidecar, "--progress",
                "none");
        return sidecar;
    }

    @Test
    void divergenceInTwoStepsPrintsWhatLlamaPerplexityPrints() {
        Path base = folder.resolve("base.kld");
        String first = run(
                new PerplexityCommand(), "-m", model, "-f", text, "-c", 64, "--chunks", 4, "--kl-divergence-base",
                base);
        double ppl = number("^Final estimate: PPL = (\\d+\\.\\d{4}) ", first);
        String self = run(new PerplexityCommand(), "-m", model, "--kl-divergence-base", base, "--kl-divergence");
        assertEquals(0, number("^Mean    KLD: +(-?\\d\\.\\d{6}) ± +0\\.00000\\d$", self), 1e-6, self + message);
        assertEquals(ppl, number("^Mean PPL\\(Q\\) +: +(\\d+\\.\\d{6}) ± ", self), 1e-4);
        assertEquals(100, number("^Same top p: (\\d+\\.\\d{3}) ± 0\\.000 %$", self));
        String out = run(
                new PerplexityCommand(), "-m", model, "--kl-divergence-base", base, "--kl-divergence", "--chess",
                sidecar(), "--policy", "wina", "--sparsity", 0.5);
        assertTrue(out.startsWith("chunk             PPL               ln(PPL(Q)/PPL(base))          KL Divergence"),
                out + message);
        assertTrue(Pattern.compile(
                "^   4( +-?\\d+\\.\\d{4,5} ± +\\d+\\.\\d{4,5}){3}( +\\d+\\.\\d{3} ± +\\d+\\.\\d{3} %){2}$",
                Pattern.MULTILINE).matcher(out).find(), out);
        double mean = number("^Mean    KLD: +(\\d\\.\\d{6}) ± +\\d\\.\\d{6}$", out);
        double median = number("^Median  KLD: +(\\d\\.\\d{6})$", out);
        double high = number("^99\\.0%   KLD: +(\\d\\.\\d{6})$", out);
        double max = number("^Maximum KLD: +(\\d\\.\\d{6})$", out);
        assertTrue(0 < median && median < high && mean < high && high <= max, out);
        assertTrue(number("^ 5\\.0%   Δp: +(-\\d+\\.\\d{3})%$", out) < number("^95\\.0%   Δp: +(\\d+\\.\\d{3})%$",
                out));
        assertTrue(number("^Same top p: +(\\d+\\.\\d{3}) ± +\\d\\.\\d{3} %$", out) < 100, out);
        assertEquals(0.5, number("^active (0\\.\\d+), skipped Q_IN ", out), 0.1, out);
    }

    /** One line and status 2, whatever is wrong with what is given. */
    private void refused(String said, Object... args) {
        Run run = Run.of(java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new));
        assertEquals(2, run.status(), run.err());
        String last = run.err().lines().reduce((a, b) -> b).orElse("");
        assertTrue(last.contains(said) && last.contains("expected"), said + " in: " + run.err());
    }

    @Test
    void badInputGivesOneLineAndStatus2() throws Exception {
        Path empty = Files.writeString(folder.resolve("empty.txt"), "");
        Path blank = Files.writeString(folder.resolve("blank.jsonl"), "\n\n");
        Path brief = Files.writeString(folder.resolve("brief.txt"), "Once upon a time");
        Path out = folder.resolve("x.gguf");
        for (Path file : new Path[] {empty, blank}) {
            refused("at least 512 tokens, one window, found 0", "calibrate", "-m", model, "-f", file, "-o", out);
            refused("at least 64 tokens, one window, found 0", "perplexity", "-m", model, "-f", file, "-c", 64);
        }
        for (String budget : new String[] {"0.01", "0.6,1.5", "NaN"}) {
            refused("the nearest that can be met is 0.", "calibrate", "-m", model, "-f", text, "-o", out, "--budget",
                    budget);
        }
        refused("the nearest that can be met is 0.05", "perplexity", "-m", model, "-f", text, "--budget", "0.01");
        refused("4 windows of 512 tokens", "calibrate", "-m", model, "-f", text, "--chunks", 1, "-o", out, "--budget",
                "0.6");
        refused("at least 512 tokens, one window, found 4", "calibrate", "-m", model, "-f", brief, "-o", out);
        assertTrue(Files.notExists(out));
        Path base = folder.resolve("none.kld");
        refused("none.kld: expected a file, found none", "perplexity", "-m", model, "--kl-divergence-base", base,
                "--kl-divergence");
        refused("--kl-divergence: expected a file of predictions", "perplexity", "-m", model, "--kl-divergence");
        refused("-f/--file: expected TEXT, found nothing", "perplexity", "-m", model);
        refused("_logits_", "perplexity", "-m", model, "--kl-divergence-base", model, "--kl-divergence");

        Path sidecar = sidecar();
        try (GgufFile file = GgufFile.open(sidecar); FileChannel bytes = FileChannel.open(sidecar,
                StandardOpenOption.WRITE)) {
            ByteBuffer nan = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, Float.NaN);
            bytes.write(nan, file.require("blk.3.ffn_up.weighted_quantile").offset() + 12);
        }
        refused("tensor blk.3.ffn_up.weighted_quantile[3]: expected a number of 0 or more, found NaN", "perplexity",
                "-m", model, "-f", text, "-c", 64, "--chess", sidecar, "--policy", "wina");
    }

    @Test
    void saysWhatIsMissing() throws Exception {
        run(new CalibrateCommand(), "-m", model, "-o", folder.resolve("x"));
        assertTrue(message.contains("a text (-f) or statistics (--in-stats)"), message);
        run(new CalibrateCommand(), "-m", model, "-f", text);
        assertTrue(message.contains("name the sidecar with -o"), message);
        run(new CalibrateCommand(), "-m", model, "-f", text, "-c", 100_000, "-o", folder.resolve("x"));
        assertTrue(message.contains("at least 100000 tokens"), message);
        Files.writeString(text, "{\"text\": \"good\"}\n{\"text\": broken}\n");
        run(new CalibrateCommand(), "-m", model, "-f", text, "-o", folder.resolve("x"));
        assertTrue(message.startsWith(text + ", line 2: "), message);
        run(new CalibrateCommand(), "--in-stats", model, "-o", folder.resolve("x"));
        assertTrue(message.contains("chess-stats"), message);
        run(new PerplexityCommand(), "-m", model, "-f", folder.resolve("none.txt"));
        assertTrue(message.contains("none.txt: expected a file, found none"), message);
    }
}
