package dev.gambit.engine.internal.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Times and heap in a fresh Java with the small heap that the engine runs with. */
class TokenizerSpeedTest {

    private static final int MEGABYTE = 1_000_000;
    private static final long LIMIT_MILLIS = 2000;

    @ParameterizedTest
    @ValueSource(strings = {TokenizerFixtures.SMOLLM2, TokenizerFixtures.LLAMA_SPM})
    void encodesAMegabyteOfEnglish(String model) throws Exception {
        Path text = TokenizerFixtures.shared("data/wikitext2-test.raw.txt");
        List<Long> measured = runCold(TokenizerFixtures.shared(model), text.toString());
        assertTrue(measured.get(0) < LIMIT_MILLIS, measured + " ms, MB");
    }

    @ParameterizedTest
    @ValueSource(strings = {TokenizerFixtures.SMOLLM2, TokenizerFixtures.LLAMA_SPM})
    void encodesAMegabyteOfOneLetter(String model) throws Exception {
        List<Long> measured = runCold(TokenizerFixtures.shared(model), "");
        assertTrue(measured.get(0) < LIMIT_MILLIS, measured + " ms, MB");
        assertTrue(measured.get(1) < 20, measured + " ms, MB");
    }

    @Test
    void encodesLongInputsOfEveryKindOfCharacter() {
        Tokenizer tokenizer = TokenizerFixtures.bytePair("llama-bpe", "aa", "ĠĠ").merges("a a", "Ġ Ġ").tokenizer();
        for (String unit : List.of("a", " ", "\n", "1", "!", "'", "é", "😀", " a", "\n ", "'s", "\uD83D")) {
            String text = unit.repeat(300_000 / unit.length());
            int[] tokens = tokenizer.encode(text, false, false);
            assertEquals(text.replace("\uD83D\uDE00", "?").length(), tokenizer.decode(tokens)
                    .replace("\uD83D\uDE00", "?")
                    .length());
        }
    }

    /** Returns the milliseconds that encoding took and the megabytes that the tokenizer keeps. */
    private static List<Long> runCold(Path model, String text) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process process = new ProcessBuilder(
                java, "-Xmx96m", "-cp", System.getProperty("java.class.path"), Cold.class.getName(),
                model.toString(), text)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String output;
        try (InputStream stream = process.getInputStream()) {
            output = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
        assertEquals(0, process.waitFor(), output);
        List<Long> numbers = new ArrayList<>();
        for (String word : output.trim().split(" ")) {
            numbers.add(Long.parseLong(word));
        }
        return numbers;
    }

    /** What the other Java runs: encode a file, or a letter over and over, and print milliseconds and megabytes. */
    static final class Cold {

        private Cold() {}

        public static void main(String[] arguments) throws IOException {
            Tokenizer tokenizer = Tokenizer.from(TokenizerFixtures.metadata(Path.of(arguments[0])));
            String text = arguments[1].isEmpty() ? "a".repeat(MEGABYTE) : Files.readString(Path.of(arguments[1]));
            text = text.substring(0, MEGABYTE);
            long start = System.nanoTime();
            int[] tokens = tokenizer.encode(text, true, true);
            long millis = (System.nanoTime() - start) / 1_000_000;
            if (tokens.length < MEGABYTE / 100) {
                throw new AssertionError("only " + tokens.length + " tokens");
            }
            text = null;
            tokens = null;
            System.gc();
            long used = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
            Reference.reachabilityFence(tokenizer);
            System.out.println(millis + " " + used / MEGABYTE);
        }
    }
}
