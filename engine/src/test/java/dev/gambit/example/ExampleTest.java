package dev.gambit.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.testing.ChildJvm;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;
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

    /** Weights, caches and threads are gone when the example is done: again and again it costs no more. */
    @Test
    void leavesNoThreadAndNoNativeMemoryBehind() {
        ChildJvm run = ChildJvm.run(
                List.of("@../app/src/main/jvm/gambit.jvmopts", "-XX:NativeMemoryTracking=summary", "-Xmx256m"),
                Again.class, RESOURCES + "fable-7m-q8_0.gguf", RESOURCES + "fable-7m.chess.gguf");
        assertEquals(0, run.exitCode(), run.err());
        List<String> left = run.out().lines().filter(line -> line.startsWith("left ")).toList();
        assertEquals(Again.TIMES, left.size(), run.out());
        for (String line : left) {
            assertEquals("0", line.split(" ")[1], "threads: " + left);
        }
        // 8 MB of weights and more of keys and values each time would be 24 MB by now
        long grown = kib(left.getLast()) - kib(left.get(2));
        assertTrue(grown < 2048, "native memory of kind Other grew by " + grown + " KiB: " + left);
        assertTrue(kib(left.getLast()) < 8192, "native memory of kind Other: " + left);
    }

    private static long kib(String line) {
        return Long.parseLong(line.split(" ")[2]);
    }

    /** Runs the example and says how many of its threads, and how much native memory, are left. */
    static final class Again {

        static final int TIMES = 6;

        private Again() {}

        public static void main(String[] args) throws JMException {
            for (int i = 0; i < TIMES; i++) {
                Example.main(args);
                long threads = Thread.getAllStackTraces().keySet().stream()
                        .filter(thread -> thread.getName().startsWith("gambit")).count();
                String text = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                        new ObjectName("com.sun.management:type=DiagnosticCommand"),
                        "vmNativeMemory",
                        new Object[] {new String[] {"summary"}},
                        new String[] {String[].class.getName()});
                Matcher other = Pattern.compile("Other \\(reserved=\\d+KB, committed=(\\d+)KB").matcher(text);
                System.out.println("left " + threads + " " + (other.find() ? other.group(1)
                        : text.contains("Total") ? "0" : "none"));
            }
        }
    }
}
