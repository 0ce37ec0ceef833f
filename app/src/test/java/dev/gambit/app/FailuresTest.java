package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailuresTest {

    /** Command lines that cannot work, and what the one line they print has to say. */
    static Stream<Arguments> unusable() {
        return Stream.of(
                Arguments.of("generate -p x --tmp 1", "--tmp: expected an option of gambit generate"),
                Arguments.of("generate -p x --temp", "--temp/--temperature: expected T, found nothing"),
                Arguments.of("generate -p x --temp warm", "--temp/--temperature: expected a number, found 'warm'"),
                Arguments.of("generate -p x -n many", "expected a whole number, found 'many'"),
                Arguments.of("generate -p x -n 99999999999", "expected a whole number"),
                Arguments.of("generate -p x -n -3", "-n/--predict: expected a number from -2"),
                Arguments.of("generate -p x -c -1", "-c/--ctx-size: expected a number from 0"),
                Arguments.of("generate -p x -t -2", "-t/--threads: expected a number from -1 to 1024, found -2"),
                Arguments.of("generate -p x -t 5000", "-t/--threads"),
                Arguments.of("generate -p x --sparsity 1", "--sparsity: expected a number from 0 to 0.95, found 1"),
                Arguments.of("generate -p x --sparsity -0.1", "--sparsity"),
                Arguments.of("generate -p x --sparsity NaN", "--sparsity"),
                Arguments.of("generate -p x --top-p 1.5", "top-p"),
                Arguments.of("generate -p x --temp NaN", "temperature"),
                Arguments.of("generate -p x --repeat-penalty 0", "repeat penalty"),
                Arguments.of("generate -p x -s -2", "-s/--seed"),
                Arguments.of("generate -p x -ctk q3", "expected f32, f16 or q8_0, found q3"),
                Arguments.of("generate -p x --backend cuda -m pom.xml", "pom.xml: expected a GGUF file"),
                Arguments.of("generate -p x --backend tpu", "--backend: expected auto|cpu|cuda, found 'tpu'"),
                Arguments.of("generate -p x -m no/such/file.gguf", "no/such/file.gguf: expected a file, found none"),
                Arguments.of("generate -p x -m .", "expected a file, found a directory"),
                Arguments.of("generate -p x -m pom.xml", "pom.xml: expected a GGUF file"),
                Arguments.of("generate -p x --chess no.gguf", "no.gguf: expected a file, found none"),
                Arguments.of("generate -f no/such/text", "no/such/text: expected a text file, found none"),
                Arguments.of("generate -p x -f pom.xml", "expected -p or -f, found both"),
                Arguments.of("generate", "prompt: expected a text to continue, found none"),
                Arguments.of("generate once upon", "'once'"),
                Arguments.of("genrate", "genrate: expected a command, found an unknown one; did you mean generate?"),
                Arguments.of("--modle x", "--modle: expected an option of gambit"),
                Arguments.of("chat", "chat: expected something to say"),
                Arguments.of("inspect", "FILE"),
                Arguments.of("inspect no.gguf", "no.gguf: expected a file, found none"),
                Arguments.of("bench -p 0 -n 0", "bench: expected a test"),
                Arguments.of("bench -p -5", "-p: expected numbers from 0"),
                Arguments.of("bench -r 0", "-r/--repetitions"),
                Arguments.of("bench -o xml", "-o/--output: expected md|csv|json|jsonl, found 'xml'"),
                Arguments.of("bench -pg 512", "-pg: expected two numbers"),
                Arguments.of("bench --sparsity half", "--sparsity: expected dense or a number"),
                Arguments.of("bench -f pom.xml -n 100000 -p 0 --no-warmup",
                        "-f: expected a text of at least 100000 tokens"));
    }

    @ParameterizedTest
    @MethodSource("unusable")
    void whatCannotBeUsedGivesOneLineAndStatus2(String line, String said) {
        Run run = Run.of(line.split(" "));
        assertEquals(2, run.status(), run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().startsWith("gambit: "), run.err());
        assertTrue(run.err().contains(said), run.err());
        assertTrue(run.err().contains(": expected ") && run.err().contains("; "), run.err());
    }

    @Test
    void aGpuThatIsNotThereIsOneLineToo() {
        Assumptions.assumeTrue(
                Run.of("devices").out().contains("  CUDA: "), "there is a GPU here, so --backend cuda runs");
        Run run = Run.of("generate", "-p", "x", "-n", "1", "--backend", "cuda");
        assertEquals(2, run.status(), run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().startsWith("gambit: --backend cuda: "), run.err());
        Run auto = Run.succeeds("generate", "-p", "x", "-n", "1");
        assertTrue(auto.err().contains("chosen by auto   = "), auto.err());
    }

    @Test
    void verboseAddsWhereItCameFrom() {
        Run run = Run.of("generate", "-p", "x", "-m", "no.gguf", "-v");
        assertEquals(2, run.status());
        assertTrue(run.err().contains("\tat dev.gambit.engine.gguf.GgufFile.open"), run.err());
    }

    @Test
    void everyKindOfFailureIsOneLineWithItsStatus() {
        assertEquals(1, report(new OutOfMemoryError("Java heap space"), "-Xmx"));
        assertEquals(1, report(new OutOfMemoryError("Cannot reserve 1 bytes"), "shorter context (-c)"));
        assertEquals(1, report(new StackOverflowError(), "-Xss"));
        assertEquals(1, report(new UncheckedIOException(new IOException("No space left on device")), "No space left"));
        assertEquals(2, report(new NoSuchFileException("model.gguf"), "model.gguf: expected"));
        assertEquals(1, report(new IllegalStateException("odd"),
                "internal error: expected none, found IllegalStateException"));
        assertEquals(1, report(new NullPointerException(), "--verbose"));
        assertEquals(2, report(new GambitException("a: expected b,\n\tfound \u001b[31mc; d"), "found ?[31mc; d"));
    }

    private static int report(Throwable failure, String said) {
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        PrintStream old = System.err;
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int status = Failures.report(failure, false);
            String text = err.toString(StandardCharsets.UTF_8);
            assertTrue(text.startsWith("gambit: ") && text.contains(said), text);
            assertEquals(1, text.lines().count());
            return status;
        } finally {
            System.setErr(old);
        }
    }

    @Test
    void aReaderThatGoesEndsItQuietlyAndAFullDiskDoesNot() {
        assertEquals(Failures.BROKEN_PIPE, writingTo("Broken pipe", ""));
        assertEquals(Failures.FAILED, writingTo("No space left on device",
                "gambit: standard output: expected room to write, found No space left on device"));
    }

    private static int writingTo(String trouble, String said) {
        OutputStream broken = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(trouble);
            }
        };
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        PrintStream oldOut = System.out;
        PrintStream oldErr = System.err;
        System.setOut(new PrintStream(new StandardOutput(broken), false, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int status = Main.run("generate", "-p", "Once upon a time", "--ignore-eos");
            String text = err.toString(StandardCharsets.UTF_8);
            assertTrue(text.startsWith(said), text);
            assertFalse(said.isEmpty() && !text.isEmpty(), text);
            return status;
        } finally {
            System.setOut(oldOut);
            System.setErr(oldErr);
        }
    }
}
