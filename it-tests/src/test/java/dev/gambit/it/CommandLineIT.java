package dev.gambit.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a stranger does with {@code ./gambit}, in a process of its own. */
class CommandLineIT {

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private static final Path MODEL =
            ROOT.resolve("engine/src/main/resources/dev/gambit/engine/fable-7m-q8_0.gguf");

    @TempDir
    Path folder;

    private record Run(int status, String out, String err) {}

    private Run gambit(String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(ROOT.resolve("gambit").toString()));
        command.addAll(List.of(args));
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        Process p = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        p.getOutputStream().close();
        assertTrue(p.waitFor(120, TimeUnit.SECONDS), () -> args[0] + " did not end");
        return new Run(
                p.exitValue(),
                Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }

    @Test
    void writesAStoryWhileReadingPartOfTheWeights() throws Exception {
        Run run = gambit("generate", "-p", "Once upon a time", "-n", "48", "--temp", "0");
        assertEquals(0, run.status, run.err);
        assertTrue(run.out.startsWith("Once upon a time, there was a"), run.out);
        assertTrue(run.out.split(" ").length > 20, run.out);
        assertFalse(run.err.contains("WARNING"), run.err);

        run = gambit("generate", "-p", "Once upon a time", "-n", "16", "--temp", "0", "--json");
        JsonNode json = new ObjectMapper().readTree(run.out);
        double active = json.findValue("active").asDouble();
        double bytes = json.findValue("bytes").asDouble();
        assertTrue(active > .2 && active < .9, () -> "active " + active);
        assertTrue(bytes > .2 && bytes < .95, () -> "bytes " + bytes);
    }

    @Test
    void calibratesAndMeasuresItsOwnSidecar() throws Exception {
        Path text = Path.of("../calibration/src/test/resources/dev/gambit/calibration/stories-calib.jsonl");
        Path sidecar = folder.resolve("fable.chess.gguf");
        Run run = gambit(
                "calibrate", "-m", MODEL.toString(), "-f", text.toRealPath().toString(), "-o", sidecar.toString(),
                "--chunks", "4", "--progress", "none");
        assertEquals(0, run.status, run.err);
        Path test = Path.of("../calibration/src/test/resources/dev/gambit/calibration/stories-test.txt");
        run = gambit(
                "perplexity", "-f", test.toRealPath().toString(), "-c", "256", "--chunks", "3",
                "--chess", sidecar.toString(), "--sparsity", "0.3", "--policy", "chess");
        assertEquals(0, run.status, run.err);
        assertTrue((run.out + run.err).contains("Final estimate: PPL ="), run.out + run.err);
        run = gambit("inspect", sidecar.toString());
        assertTrue(run.out.contains("chess.policies"), run.out);
    }

    @Test
    void saysWhatIsWrongInOneLine() throws Exception {
        Path cut = folder.resolve("cut.gguf");
        byte[] whole = Files.readAllBytes(MODEL);
        Files.write(cut, java.util.Arrays.copyOf(whole, whole.length / 2));
        for (String[] args : new String[][] {
            {"generate", "-p", "x", "-m", cut.toString()},
            {"generate", "-p", "x", "-m", folder.resolve("none.gguf").toString()},
            {"generate", "-p", "word ".repeat(2000), "-c", "64"},
            {"perplexity", "-f", folder.resolve("none.txt").toString()},
            {"inspect", cut.toString()}
        }) {
            Run run = gambit(args);
            String what = String.join(" ", args).substring(0, 20) + ": " + run.err;
            assertTrue(run.status == 1 || run.status == 2, what);
            assertEquals(1, run.err.lines().count(), what);
            assertFalse(run.err.contains("\tat "), what);
        }
    }
}
