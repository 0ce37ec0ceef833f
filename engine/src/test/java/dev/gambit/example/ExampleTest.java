package dev.gambit.example;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ExampleTest {

    private static final String RESOURCES = "src/main/resources/dev/gambit/engine/";

    @Test
    void writesAStory() {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            Example.main(new String[] {RESOURCES + "fable-7m-q8_0.gguf", RESOURCES + "fable-7m.chess.gguf"});
        } finally {
            System.setOut(before);
        }
        String text = out.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("there was a"), text);
        double active = Double.parseDouble(text.substring(text.lastIndexOf(' ')).trim());
        assertTrue(active > .4 && active < .8, text);
    }
}
